// `crowsnest tools ...`: work on files without a running gateway.

import type { Command } from 'commander'
import { CodecKernel, RowKernel } from '../kernel/index.ts'
import { createScriptEngine, evaluateWith, runScriptFiles } from '../promql/index.ts'
import { neverCancelled } from '../storage/index.ts'
import { HeadScriptStorage, scriptTenant } from './script-storage.ts'
import { addAccessTools } from './tools-access.ts'
import { addAddonTools } from './tools-addon.ts'
import { addCaTools } from './tools-ca.ts'
import { addDebugTools } from './tools-debug.ts'
import { addEnrollTool } from './tools-enroll.ts'
import { addRulesTools } from './tools-rules.ts'
import { addTsdbTools } from './tools-tsdb.ts'

/** Adds the `tools` command and what is below it. */
export function addTools(program: Command): void {
  const tools = program.command('tools').description('Tools that need no running gateway.')
  addTsdbTools(tools)
  addRulesTools(tools)
  addDebugTools(tools)
  addAccessTools(tools)
  addAddonTools(tools)
  addCaTools(tools)
  addEnrollTool(tools)
  tools
    .command('promqltest')
    .description('Runs scripts in the promqltest language against the engine and a head.')
    .argument('<paths...>', 'script files or folders of them')
    .action(async (paths: string[]) => {
      const engine = createScriptEngine({
        xorDecoder: CodecKernel.create(),
        rowKernel: new RowKernel(),
      })
      const { failures } = await runScriptFiles(paths, {
        storage: new HeadScriptStorage(engine.options),
        evaluate: evaluateWith(engine, scriptTenant, neverCancelled),
        print: (line) => process.stdout.write(`${line}\n`),
      })
      if (failures.length > 0) process.exitCode = 1
    })
}
