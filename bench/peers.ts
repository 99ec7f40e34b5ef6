// Servers under measurement: ours (source tree, or release bundle where it was built) and Debian's Prometheus and
// VictoriaMetrics, each a process of its own on loopback with a fresh data directory.
// Here: start, stop, and what a process has used. Elsewhere: posting bodies (load.ts).
// Units: CPU in seconds of all threads, kernel time included, from /proc/PID/stat; memory in bytes from /proc/PID/status.
// Invariants: what was started is ended, by its id, and its directory removed, also when a benchmark fails.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort, type Running, start, until } from '../test/e2e/process.ts'

/** Which server. */
export type PeerName = 'crowsnest' | 'prometheus' | 'victoria-metrics'

/** A running server. */
export interface Peer {
  readonly name: PeerName
  readonly url: string
  readonly directory: string
  readonly pid: number
  /** When the process was started, and when it first answered `readyPath`, in milliseconds. */
  readonly startedMs: number
  /** CPU seconds used so far. */
  cpuSeconds(): number
  /** CPU of the threads that live now, in milliseconds but to the nanosecond: for spans without thread ends. */
  threadsCpuMs(): number
  rssBytes(): number
  peakRssBytes(): number
  output(): string
  /** Ends it; the directory stays when `keep` is set. */
  stop(options?: { readonly signal?: NodeJS.Signals; readonly keep?: boolean }): Promise<void>
}

/** How a server is started. */
export interface PeerOptions {
  /** The core it is pinned to; none by default. */
  readonly core?: number
  readonly directory?: string
  readonly args?: readonly string[]
  /** Flags for our runtime, as --cpu-prof. */
  readonly nodeArgs?: readonly string[]
  /** What must answer 200 before it counts as started; the path that says that queries are complete by default. */
  readonly readyPath?: string
}

const root = resolve(import.meta.dirname, '..')
const bundleEntry = join(root, 'dist/crowsnest/main.js')

/** All servers, in the order of the tables. */
export const allPeers: readonly PeerName[] = ['crowsnest', 'prometheus', 'victoria-metrics']

/** Starts a server and waits until it is ready. */
export async function startPeer(name: PeerName, options: PeerOptions = {}): Promise<Peer> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), `bench-${name}-`))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const command = [...commandOf(name, `127.0.0.1:${port}`, directory, options)]
  if (options.core !== undefined) command.unshift('taskset', '-c', String(options.core))
  const startedMs = performance.now()
  const running = start(command[0]!, command.slice(1), { cwd: root })
  const readyPath = options.readyPath ?? (name === 'victoria-metrics' ? '/health' : '/-/ready')
  const probe = async () => (await fetch(url + readyPath)).ok
  await until(name, probe, { of: running, timeoutMs: 120_000, everyMs: 20 })
  return peerOf(name, url, directory, startedMs, running)
}

/** Starts one after the other. */
export async function startPeers(
  names: readonly PeerName[],
  options: PeerOptions = {},
): Promise<Peer[]> {
  const peers: Peer[] = []
  for (const name of names) peers.push(await startPeer(name, options))
  return peers
}

/** Bytes of all files below a directory. */
export function directorySizeBytes(directory: string): number {
  let size = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) size += directorySizeBytes(path)
    else if (entry.isFile()) size += statSync(path).size
  }
  return size
}

function peerOf(
  name: PeerName,
  url: string,
  directory: string,
  startedMs: number,
  running: Running,
): Peer {
  const pid = running.child.pid!
  return {
    name,
    url,
    directory,
    pid,
    startedMs,
    cpuSeconds: () => processCpuSeconds(pid),
    threadsCpuMs: () => threadsCpuMs(pid),
    rssBytes: () => statusBytes(pid, 'VmRSS'),
    peakRssBytes: () => statusBytes(pid, 'VmHWM'),
    output: () => running.output(),
    async stop({ signal = 'SIGTERM', keep = false } = {}) {
      const killer = setTimeout(() => running.child.kill('SIGKILL'), 60_000)
      await running.stop(signal)
      clearTimeout(killer)
      if (!keep) rmSync(directory, { recursive: true, force: true })
    },
  }
}

function* commandOf(
  name: PeerName,
  address: string,
  directory: string,
  options: PeerOptions,
): Generator<string> {
  if (name === 'crowsnest') {
    const entry = existsSync(bundleEntry) ? bundleEntry : join(root, 'src/main.ts')
    yield* [process.execPath, ...(options.nodeArgs ?? []), entry, 'all']
    yield* ['--data', directory, '--http.listen', address, '--grpc.listen', '']
  } else if (name === 'prometheus') {
    yield* ['prometheus', '--config.file=/dev/null', `--storage.tsdb.path=${directory}`]
    yield* [`--web.listen-address=${address}`, '--web.enable-remote-write-receiver']
    yield* ['--query.lookback-delta=5m', '--log.level=warn']
  } else {
    yield* ['victoria-metrics', `-storageDataPath=${directory}`, `-httpListenAddr=${address}`]
    yield* ['-retentionPeriod=12', '-loggerLevel=WARN', '-search.maxStalenessInterval=5m']
    yield* ['-search.latencyOffset=0s', '-search.maxUniqueTimeseries=10000000']
  }
  yield* options.args ?? []
}

// Fields 14 and 15 of stat, in ticks of a hundredth of a second; the name in field 2 may hold blanks.
function processCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function threadsCpuMs(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
      nanoseconds += Number(stat.split(' ')[0])
    } catch {
      // The thread ended meanwhile.
    }
  }
  return nanoseconds / 1e6
}

function statusBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )
  return Number(line?.[1] ?? 0) * 1024
}
