// The gateway as a process of its own: from the source tree, or from the release bundle when GATEWAY_BUNDLE names it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort, type Running, start, until } from './process.ts'

const root = resolve(import.meta.dirname, '../..')

const created: string[] = []
process.on('exit', () => {
  for (const directory of created) rmSync(directory, { recursive: true, force: true })
})

function createDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-'))
  created.push(directory)
  return directory
}

/** Starts any command of crowsnest. */
export function startCrowsnest(args: readonly string[]): Running {
  const bundle = process.env.GATEWAY_BUNDLE
  const entry = bundle === undefined ? join(root, 'src/main.ts') : resolve(bundle, 'main.js')
  return start(process.execPath, [entry, ...args], { cwd: root })
}

/** A running gateway. */
export interface Gateway {
  readonly url: string
  readonly data: string
  readonly process: Running
  /** Ends it and starts another one on the same data folder and port. */
  restart(signal?: NodeJS.Signals): Promise<Gateway>
  stop(signal?: NodeJS.Signals): Promise<void>
  get(path: string, headers?: Record<string, string>): Promise<unknown>
}

/** Options of a gateway under test. */
export interface GatewayOptions {
  readonly data?: string
  readonly port?: number
  readonly args?: readonly string[]
  /** A ruler keeps no data. */
  readonly role?: 'all' | 'rule'
  /** Wait until queries are answered (default), or only until the port answers. */
  readonly waitFor?: 'ready' | 'listening'
}

/** Starts a gateway on loopback and waits for it. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const data = options.data ?? createDirectory()
  const port = options.port ?? (await freePort())
  const args = [
    options.role ?? 'all',
    '--data',
    data,
    '--http.listen',
    `127.0.0.1:${port}`,
    // The default port is taken when two run at a time.
    '--grpc.listen',
    '',
    ...(options.args ?? []),
  ]
  const running = startCrowsnest(args)
  const url = `http://127.0.0.1:${port}`
  const path = options.waitFor === 'listening' ? '/-/healthy' : '/-/ready'
  await until('gateway', async () => (await fetch(url + path)).ok, { of: running })
  const gateway: Gateway = {
    url,
    data,
    process: running,
    async restart(signal) {
      await running.stop(signal)
      return startGateway({ ...options, data, port })
    },
    stop: (signal) => running.stop(signal),
    async get(path, headers = {}) {
      const response = await fetch(url + path, { headers })
      return response.json()
    },
  }
  return gateway
}
