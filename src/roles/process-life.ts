// The process as its operator sees it: the greeting at the start, the drain at the end.

import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'

/** A drain that takes longer is cut off; what was acknowledged is on disk by then anyway. */
const drainMsMax = 20_000

/** SIGTERM and SIGINT run `drain` and end the process with 0, or with 1 when it takes too long. */
export function stopOnSignals(log: Logger, drain: () => Promise<void>): void {
  const stop = async (signal: string): Promise<void> => {
    log.info({ signal }, 'draining')
    setTimeout(() => process.exit(1), drainMsMax).unref()
    await drain()
    log.info('stopped')
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal))
}

/** SIGHUP runs `reload`; a reload that fails is logged. */
export function reloadOnHangup(log: Logger, reload: () => Promise<void>): void {
  process.on(
    'SIGHUP',
    () => void reload().catch((error) => log.error({ err: error }, 'reload failed')),
  )
}

/** Says where to point what. */
export function greet(config: Config): void {
  const isPlain = config.http.tls.certFile === '' && !config.identity.enabled
  const url = `${isPlain ? 'http' : 'https'}://${config.http.listen.replace(/^:/, 'localhost:')}`
  process.stdout.write(`crowsnest is listening; data in ${config.data}
  a Prometheus writes to   ${url}/api/v1/write
  Grafana reads from       ${url}   (data source of type Prometheus)
  a browser may look at    ${url}/api/v1/status/tsdb and ${url}/metrics
`)
}
