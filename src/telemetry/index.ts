// Our own metrics and logs.
export * from './log.ts'
export * from './metrics.ts'
