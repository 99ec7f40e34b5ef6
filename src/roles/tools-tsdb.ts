// `crowsnest tools tsdb ...`: blocks out of text and text out of blocks, without a running gateway.

import { once } from 'node:events'
import type { Command } from 'commander'
import { defaultTenant, parseDurationMs, UserError } from '../model/index.ts'
import { createMatcherCompiler, formatHistogram, parseSelector } from '../promql/index.ts'
import { FanOut, neverCancelled } from '../storage/index.ts'
import {
  createBlocksFromOpenMetrics,
  createUlidFactory,
  dumpSamples,
  openBlocksIn,
} from '../tsdb/index.ts'
import { backfillRules, type RulesBackfillOptions } from './tools-rules-backfill.ts'

// Where a gateway with default options keeps the blocks of the default tenant.
const ownBlocks = `data/blocks/${defaultTenant}`

interface DumpOptions {
  readonly match: string
  readonly minTime: string
  readonly maxTime: string
}

/** Adds the `tsdb` command below `tools`. */
export function addTsdbTools(tools: Command): void {
  const tsdb = tools.command('tsdb').description('Blocks of local disk.')
  tsdb
    .command('dump')
    .description('Prints the samples of the blocks in a directory, e.g. data/blocks/TENANT.')
    .argument('<directory>', 'holds the blocks')
    .option('--match <selector>', 'only these series', '{__name__=~".*"}')
    .option('--min-time <ms>', 'first Unix millisecond', '-9007199254740991')
    .option('--max-time <ms>', 'last Unix millisecond', '9007199254740991')
    .action(dump)
  const createBlocks = tsdb.command('create-blocks-from').description('Back-fills blocks.')
  createBlocks
    .command('openmetrics')
    .description('Makes blocks of a file in the OpenMetrics text format, with timestamps.')
    .argument('<file>', 'the text, ending in "# EOF"')
    .argument(
      '[directory]',
      'where the blocks go; a gateway reads them at its next start',
      ownBlocks,
    )
    .option('--max-block-duration <duration>', 'longest time one block spans', '2h')
    .action(createFromOpenMetrics)
  createBlocks
    .command('rules')
    .description(
      'Makes blocks of the results of recording rules over a past range, asked of a server.',
    )
    .argument('<files...>', 'rule files')
    .requiredOption('--start <time>', 'RFC 3339 or Unix seconds')
    .option('--end <time>', 'RFC 3339 or Unix seconds; three hours ago where absent')
    .option('--url <url>', 'the server to ask', 'http://127.0.0.1:10902')
    .option('--output-dir <directory>', 'where the blocks go', ownBlocks)
    .option('--eval-interval <duration>', 'step of rules in groups without an interval', '1m')
    .action(async (files: string[], options: RulesBackfillOptions) => {
      for (const line of await backfillRules(files, options)) process.stdout.write(`${line}\n`)
    })
}

async function dump(directory: string, options: DumpOptions): Promise<void> {
  const seed = new Uint32Array(4)
  const blocks = await openBlocksIn(directory, { seed, compileMatcher: createMatcherCompiler() })
  const select = {
    tenants: [],
    matchers: parseSelector(options.match),
    minTimeMs: Number(options.minTime),
    maxTimeMs: Number(options.maxTime),
  }
  const source = new FanOut(() => blocks.map((queryable) => ({ queryable })))
  for await (const text of dumpSamples({ source, select, signal: neverCancelled, formatHistogram }))
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  for (const block of blocks) block.close()
}

async function createFromOpenMetrics(
  path: string,
  directory: string,
  options: { readonly maxBlockDuration: string },
): Promise<void> {
  const blockDurationMs = parseDurationMs(options.maxBlockDuration)
  if (blockDurationMs === undefined) {
    throw new UserError('bad_config', {
      what: `"${options.maxBlockDuration}" is not a duration`,
      fix: 'write it as 2h or 1d',
    })
  }
  const nextUlid = createUlidFactory(Date.now)
  const request = { path, directory, nextUlid, blockDurationMs }
  for (const { ulid, minTimeMs, maxTimeMs, stats } of await createBlocksFromOpenMetrics(request)) {
    const counts = `${stats.sampleCount} samples of ${stats.seriesCount} series`
    process.stdout.write(`${ulid} ${minTimeMs} ${maxTimeMs} ${counts}\n`)
  }
}
