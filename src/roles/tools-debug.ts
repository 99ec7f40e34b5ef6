// `crowsnest tools debug bundle`: what a support case needs of a running gateway, in one folder. No samples, no secrets:
// the configuration is the one that the gateway shows, and objstore files are not read.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'

const parts: readonly (readonly [file: string, path: string])[] = [
  ['ready.txt', '/-/ready'],
  ['metrics.txt', '/metrics'],
  ['buildinfo.json', '/api/v1/status/buildinfo'],
  ['runtimeinfo.json', '/api/v1/status/runtimeinfo'],
  ['flags.json', '/api/v1/status/flags'],
  ['config.json', '/api/v1/status/config'],
  ['features.json', '/api/v1/features'],
  ['tsdb.json', '/api/v1/status/tsdb?limit=100'],
  ['blocks.json', '/api/v1/status/tsdb/blocks'],
  ['walreplay.json', '/api/v1/status/walreplay'],
  ['active-queries.json', '/api/v1/status/active_queries'],
]

/** Adds `tools debug` and what is below it. */
export function addDebugTools(tools: Command): void {
  tools
    .command('debug')
    .description('Help with a running gateway.')
    .command('bundle')
    .description('Collects the state of a running gateway into a folder.')
    .option('--url <url>', 'the gateway', 'http://127.0.0.1:10902')
    .option('--output-dir <folder>', 'the folder', `crowsnest-debug-${Date.now()}`)
    .action(async ({ url, outputDir }: { url: string; outputDir: string }) => {
      mkdirSync(outputDir, { recursive: true })
      for (const [file, path] of parts)
        writeFileSync(join(outputDir, file), await fetchPart(url + path))
      process.stdout.write(`${parts.length} files are in ${outputDir}\n`)
    })
}

// A part that cannot be had says why; the others are still worth having.
async function fetchPart(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    return await response.text()
  } catch (error) {
    return `not collected: ${(error as Error).message}\n`
  }
}
