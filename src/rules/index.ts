// Expressions on a schedule: record, alert, notify.

export * from './alert-state.ts'
export * from './evaluation.ts'
export * from './group.ts'
export * from './rule-file.ts'
export * from './rule-state.ts'
export * from './slot.ts'
export * from './template/expand.ts'
export type { TemplateSample } from './template/prometheus-functions.ts'
export * from './write-body.ts'
