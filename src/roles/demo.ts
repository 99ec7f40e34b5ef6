// `crowsnest demo`: `all` with a hub that does not exist and clusters that do not either: a directory of manifests that
// changes, and remote write from each cluster, with an hour of history.

import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DemoPace, demoAt, demoManifests, demoRules } from '../fleet/index.ts'
import { UserError } from '../model/index.ts'
import { createLogger, type Logger } from '../telemetry/index.ts'
import { startAll } from './all.ts'
import { parseAddress } from './config-check.ts'
import type { ConfigSource, Flags } from './config-read.ts'
import type { Config } from './config-schema.ts'
import { DemoSender } from './demo-sender.ts'
import { msOf } from './options.ts'

const historyMs = 3_600_000
const historyStepMs = 30_000
const sampleMs = 15_000
/** Steps of history in one request. */
const batchSteps = 20

/** The flags of a demo: those given, with a folder of its own unless one is named, and everything turned on. */
export function demoFlags(given: Flags): Flags {
  const data = String(given.data ?? temporaryFolder())
  const folder = join(data, 'demo')
  mkdirSync(join(folder, 'hub'), { recursive: true })
  writeFileSync(join(folder, 'rules.yaml'), demoRules)
  writeManifests(join(folder, 'hub'), paceOf(given), new Map())
  return {
    'promql.experimental': 'all',
    'fleet.directory': join(folder, 'hub'),
    'rules.files': [join(folder, 'rules.yaml')],
    ...given,
    data,
  }
}

/** Starts the gateway and what happens in it; resolves when it listens. */
export async function startDemo(config: Config, source: ConfigSource): Promise<void> {
  await startAll(config, source)
  const pace = paceOf(source.flags)
  const log = createLogger(config.log.level)
  const { host, port } = parseAddress(config.http.listen)
  const sender = new DemoSender(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, pace)
  void keepManifests(join(config.data, 'demo', 'hub'), pace)
  void keepSending(sender, log)
}

/** Seed and length of a beat from flags. Throws UserError bad_config for what is none. */
export function paceOf(flags: Flags): DemoPace {
  const seed = Number(flags['demo.seed'] ?? 1)
  const pace = String(flags['demo.pace'] ?? '60s')
  const beatMs = msOf(pace)
  if (Number.isSafeInteger(seed) && seed >= 0 && beatMs >= 1000) return { seed, beatMs }
  throw new UserError('bad_config', {
    what: `a demo cannot have seed ${flags['demo.seed']} and pace ${pace}`,
    fix: 'use a whole number, and a duration of at least 1s',
  })
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'crowsnest-demo-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

// Files are replaced whole, as a mounted ConfigMap would be, and only those that changed.
function writeManifests(folder: string, pace: DemoPace, written: Map<string, string>): void {
  for (const [name, text] of demoManifests(demoAt(pace, Date.now()))) {
    if (written.get(name) === text) continue
    written.set(name, text)
    const path = join(folder, name)
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
}

async function keepManifests(folder: string, pace: DemoPace): Promise<void> {
  const written = new Map<string, string>()
  for (;;) {
    writeManifests(folder, pace, written)
    await sleep(pace.beatMs - (Date.now() % pace.beatMs) + 1)
  }
}

async function keepSending(sender: DemoSender, log: Logger): Promise<void> {
  const startMs = Date.now() - (Date.now() % sampleMs)
  const history = Array.from(
    { length: historyMs / historyStepMs },
    (_, step) => startMs - historyMs + step * historyStepMs,
  )
  for (let step = 0; step < history.length; step += batchSteps)
    await sendUntilTaken(sender, history.slice(step, step + batchSteps), log)
  for (let timeMs = startMs; ; timeMs += sampleMs) {
    if (timeMs > Date.now()) await sleep(timeMs - Date.now())
    await sendUntilTaken(sender, [timeMs], log)
  }
}

// Starting and draining answer 503; a demo waits and goes on.
async function sendUntilTaken(
  sender: DemoSender,
  timesMs: readonly number[],
  log: Logger,
): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const refusal = await sender.send(timesMs)
    if (refusal === undefined) return
    log.debug({ refusal }, 'the demo could not write')
    await sleep(500)
  }
}
