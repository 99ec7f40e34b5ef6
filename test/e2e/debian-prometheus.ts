// Debian's promtool and prometheus as peers: run on directories of blocks, loopback only, ended by their own pid.
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What promtool prints; rejects with what it says when it fails. */
export function promtool(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 512 * 1024 * 1024 }
    execFile('promtool', [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`, { cause: error }))
    })
  })
}

/** The lines of `promtool tsdb dump`, which wants a log beside the blocks. */
export async function promtoolDump(directory: string): Promise<string[]> {
  mkdirSync(join(directory, 'wal'), { recursive: true })
  const text = await promtool('tsdb', 'dump', directory)
  return text.split('\n').filter((line) => line !== '')
}

/** A running Prometheus. */
export interface RunningPrometheus {
  /** GET or POST of a path; the parsed JSON, undefined for an empty answer. */
  call(
    method: 'GET' | 'POST',
    path: string,
    form?: Readonly<Record<string, string>>,
  ): Promise<unknown>
  stop(): Promise<void>
}

/**
 * Starts Debian's prometheus on a directory of blocks and waits until it is ready. With `scrapesItself` it collects its
 * own metrics every 200 ms.
 */
export async function startPrometheus(
  directory: string,
  scrapesItself = false,
): Promise<RunningPrometheus> {
  const port = await freePort()
  const config = join(directory, 'prometheus.yml')
  const scrape = `
  - job_name: self
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs: [{ targets: ["127.0.0.1:${port}"], labels: { place: "über \\"all\\"" } }]
`
  writeFileSync(config, `global: {}\nscrape_configs: ${scrapesItself ? scrape : '[]'}\n`)
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${directory}`,
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-admin-api',
    '--enable-feature=native-histograms',
    '--log.level=warn',
  ]
  const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString()
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  for (let i = 0; !(await isReady(url)); i++) {
    if (i === 200 || child.exitCode !== null) throw new Error(`prometheus is not ready: ${said}`)
    await sleep(100)
  }
  return {
    async call(method, path, form) {
      const body = form === undefined ? null : new URLSearchParams(form)
      const answer = await fetch(url + path, { method, body })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
      return text === '' ? undefined : JSON.parse(text)
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
