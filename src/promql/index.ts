// Text to result: parse, plan, optimise, pull.
export * from './parse/ast.ts'
export * from './parse/features.ts'
export * from './parse/functions.ts'
export { parseExpr, parseSelector } from './parse/parser.ts'
export { createMatcherCompiler } from './regex/matcher-compiler.ts'
