// The command line: a role per subcommand; flags come from the configuration's schema.

import { Command, Option } from 'commander'
import { UserError } from '../model/index.ts'
import { type ConfigSource, type Flags, readConfig } from './config-read.ts'
import { type Config, type Leaf, leavesOf } from './config-schema.ts'
import { addTools } from './tools.ts'
import { version } from './version.ts'

/** Runs the command that `argv` names (as process.argv has it). Sets the exit code; mistakes are told on stderr. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('crowsnest')
    .description(
      'Multi-cluster observability gateway: remote write in, PromQL out, blocks in a bucket.',
    )
    .version(version)
    .showHelpAfterError()
  for (const role of roles) program.addCommand(roleCommand(role))
  addTools(program)
  try {
    await program.parseAsync(argv)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    process.stderr.write(`crowsnest: ${error.message}\n`)
    process.exitCode = 1
  }
}

// Roles are imported late: the tools need none of the server.
const roles: readonly Role[] = [
  {
    name: 'all',
    description: 'Everything in one process: receive, keep, query, ship.',
    load: async () => (await import('./all.ts')).startAll,
  },
  {
    name: 'rule',
    description: 'Evaluates rules through query endpoints and remote write; keeps nothing.',
    load: async () => (await import('./rule.ts')).startRuler,
  },
]

interface Role {
  readonly name: string
  readonly description: string
  load(): Promise<(config: Config, source: ConfigSource) => Promise<void>>
}

function roleCommand({ name, description, load }: Role): Command {
  const command = new Command(name)
    .description(description)
    .option('--config <file>', 'YAML configuration; flags win over it')
    .option('--config.check', 'check the configuration and exit')
  for (const leaf of leavesOf()) command.addOption(optionOf(leaf))
  return command.action(async (options: Record<string, unknown>) => {
    const file = options.config as string | undefined
    const config = readConfig(file, options as Flags)
    if (options['config.check'] === true) {
      process.stdout.write('the configuration is fine\n')
      return
    }
    const start = await load()
    await start(config, { file, flags: options as Flags })
  })
}

function optionOf(leaf: Leaf): Option {
  const { type, description, default: byDefault } = leaf.schema
  const list = type === 'array' || type === 'object'
  const value = type === 'boolean' ? '[bool]' : type === 'object' ? '<name=value...>' : '<value>'
  const shown =
    byDefault === '' || list || type === 'boolean' ? '' : ` (default ${String(byDefault)})`
  const option = new Option(`--${leaf.flag} ${value}`, `${description ?? ''}${shown}`)
  // Commander camel-cases flag names; the configuration looks flags up as they are written.
  option.attributeName = () => leaf.flag
  if (list) option.argParser((text: string, before: string[] = []) => [...before, text])
  return option
}
