// Starting and stopping real processes for end-to-end tests: ours and peers. Every process that is started here is ended
// here, by its id; its output is kept and shown when it fails to become ready.

import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A running process with what it has said so far. */
export interface Running {
  readonly child: ChildProcess
  output(): string
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a program. Its output is bounded to the last 256 KiB. */
export function start(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Running {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
  })
  running.add(child)
  let output = ''
  const keep = (data: Buffer): void => {
    output = (output + data.toString()).slice(-262_144)
  }
  child.stdout!.on('data', keep)
  child.stderr!.on('data', keep)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      output += `\n${command}: ${error.message}`
      resolve()
    })
  })
  void ended.then(() => running.delete(child))
  return {
    child,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (running.has(child)) child.kill(signal)
      await ended
    },
  }
}

/** Waits until `probe` answers true; throws with the process' output when it ends or the time is over. */
export async function until(
  what: string,
  probe: () => Promise<boolean> | boolean,
  options: { readonly timeoutMs?: number; readonly everyMs?: number; readonly of?: Running } = {},
): Promise<void> {
  const { timeoutMs = 60_000, everyMs = 50, of } = options
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      if (await probe()) return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    const exited = of !== undefined && of.child.exitCode !== null
    if (exited || Date.now() > deadline) {
      throw new Error(
        `${what}: ${exited ? 'the process ended' : 'not in time'}\n${of?.output() ?? ''}`,
      )
    }
    await sleep(everyMs)
  }
}

/** A port on loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
