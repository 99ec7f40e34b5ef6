// Logs: one pino logger per process, children per room; the level changes at runtime.
import pino, { type Logger as PinoLogger } from 'pino'

/** A structured logger: `log.info({ tenant }, 'message')`. */
export type Logger = PinoLogger

/** Creates the root logger. Level is one of trace, debug, info, warn, error, fatal, silent. Writes to stderr. */
export function createLogger(level: string): Logger {
  return pino(
    { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(2),
  )
}
