// Expressions on a schedule: record, alert, notify.
export * from './template/expand.ts'
export type { TemplateSample } from './template/prometheus-functions.ts'
