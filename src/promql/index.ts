// Text to result: parse, plan, optimise, pull.
export * from './parse/ast.ts'
export * from './parse/features.ts'
export * from './parse/functions.ts'
