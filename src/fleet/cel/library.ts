// What CEL expressions over clusters may call beside the language's own functions, as on a hub: scores of addons, JSON,
// versions, quantities, regular expressions (RE2, linear time), lists and strings.
// Not here, and therefore unknown functions: string formatting, `cel.bind`.
// Source: open-cluster-management.io/sdk-go/pkg/cel; Kubernetes' documentation of CEL (libraries).

import type { Environment } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import {
  ExactQuantity,
  isWhole,
  parseExactQuantity,
  quantityOf,
  wholeOf,
} from './exact-quantity.ts'
import { registerFormats } from './formats.ts'
import { registerNetwork } from './network.ts'
import { compareSemver, parseSemver, Semver } from './semver.ts'

/** Longest regular expression in characters: what it compiles to grows with it. */
const patternLengthMax = 1000

/** Adds everything but `scores`, which depends on the world. */
export function registerLibrary(env: Environment): void {
  registerSemver(env)
  registerQuantity(env)
  registerRegex(env)
  registerLists(env)
  registerNetwork(env)
  registerFormats(env)
  env.registerFunction('string.parseJSON(): dyn', (text: string) => celValue(JSON.parse(text)))
  env.registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
    if (at < 0n || at > text.length) fail(`index ${at} is out of range`)
    return text.charAt(Number(at))
  })
  env.registerFunction(
    'string.replace(string, string): string',
    (text: string, from: string, to: string) => text.replaceAll(from, () => to),
  )
  env.registerFunction('string.replace(string, string, int): string', replaceSome)
}

function replaceSome(text: string, from: string, to: string, limit: bigint): string {
  let count = 0n
  return text.replaceAll(from, () => (limit < 0n || count++ < limit ? to : from))
}

/** JSON as CEL sees it: whole numbers are ints. */
export function celValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(celValue)
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== 'object' || value === null) return value
  return new Map(Object.entries(value).map(([key, item]) => [key, celValue(item)]))
}

function registerSemver(env: Environment): void {
  env.registerType('Semver', { ctor: Semver, fields: {} })
  // Kubernetes' second argument, which normalises, is refused by hubs.
  const parsed = (text: string): Semver =>
    parseSemver(text) ?? fail(`"${text}" is not a semantic version`)
  env.registerFunction('semver(string): Semver', parsed)
  env.registerFunction('isSemver(string): bool', (text: string) => parseSemver(text) !== undefined)
  registerOrder(env, 'Semver', compareSemver)
  for (const part of ['major', 'minor', 'patch'] as const)
    env.registerFunction(`Semver.${part}(): int`, (version: Semver) => version[part])
}

function registerQuantity(env: Environment): void {
  env.registerType('Quantity', { ctor: ExactQuantity, fields: {} })
  env.registerFunction(
    'quantity(string): Quantity',
    (text: string) => parseExactQuantity(text) ?? fail(`"${text}" is not a quantity`),
  )
  env.registerFunction(
    'isQuantity(string): bool',
    (text: string) => parseExactQuantity(text) !== undefined,
  )
  registerOrder(env, 'Quantity', (one: ExactQuantity, other: ExactQuantity) =>
    one.nanos < other.nanos ? -1 : one.nanos > other.nanos ? 1 : 0,
  )
  env.registerFunction('Quantity.isInteger(): bool', isWhole)
  env.registerFunction('Quantity.asInteger(): int', (quantity: ExactQuantity) =>
    isWhole(quantity) ? wholeOf(quantity) : fail('the quantity is not a whole number'),
  )
  env.registerFunction(
    'Quantity.asApproximateFloat(): double',
    ({ nanos }: ExactQuantity) => Number(nanos) / 1e9,
  )
  env.registerFunction('sign(Quantity): int', ({ nanos }: ExactQuantity) =>
    nanos < 0n ? -1n : nanos > 0n ? 1n : 0n,
  )
  for (const [name, sign] of [['add', 1n] as const, ['sub', -1n] as const]) {
    const sum = (one: ExactQuantity, other: ExactQuantity): ExactQuantity =>
      new ExactQuantity(one.nanos + sign * other.nanos)
    env.registerFunction(`Quantity.${name}(Quantity): Quantity`, sum)
    env.registerFunction(`Quantity.${name}(int): Quantity`, (one: ExactQuantity, other: bigint) =>
      sum(one, quantityOf(other)),
    )
  }
}

function registerOrder<T>(
  env: Environment,
  type: string,
  compare: (one: T, other: T) => number,
): void {
  env.registerFunction(`${type}.compareTo(${type}): int`, (a: T, b: T) => BigInt(compare(a, b)))
  env.registerFunction(`${type}.isLessThan(${type}): bool`, (a: T, b: T) => compare(a, b) < 0)
  env.registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: T, b: T) => compare(a, b) > 0)
  env.registerOperator(`${type} == ${type}`, (a: T, b: T) => compare(a, b) === 0)
}

function registerRegex(env: Environment): void {
  const compiled = (pattern: string): RE2JS => {
    if (pattern.length > patternLengthMax)
      fail(`a regular expression is longer than ${patternLengthMax} characters`)
    return RE2JS.compile(pattern)
  }
  // Stands for the language's own `matches`, which would run the pattern in the runtime's engine.
  env.registerFunction(`string.${linearMatches}(string): bool`, (text: string, pattern: string) =>
    compiled(pattern).matcher(text).find(),
  )
  env.registerFunction('string.find(string): string', (text: string, pattern: string) => {
    const matcher = compiled(pattern).matcher(text)
    return matcher.find() ? matcher.group() : ''
  })
  const all = (text: string, pattern: string, limit = -1n): (string | null)[] => {
    const matcher = compiled(pattern).matcher(text)
    const found: (string | null)[] = []
    while ((limit < 0n || found.length < limit) && matcher.find()) found.push(matcher.group())
    return found
  }
  env.registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
    all(text, pattern),
  )
  env.registerFunction('string.findAll(string, int): list<string>', all)
}

/** What `matches` is called after it was replaced. */
export const linearMatches = 'matchesLinear'

type Ordered = string | number | bigint | boolean

function registerLists(env: Environment): void {
  env.registerFunction('list<dyn>.isSorted(): bool', (list: Ordered[]) =>
    list.every((item, i) => i === 0 || list[i - 1]! <= item),
  )
  env.registerFunction('list<dyn>.min(): dyn', (list: Ordered[]) => least(list, (a, b) => a < b))
  env.registerFunction('list<dyn>.max(): dyn', (list: Ordered[]) => least(list, (a, b) => a > b))
  env.registerFunction('list<dyn>.sum(): dyn', (list: (number | bigint)[]) =>
    list.every((item) => typeof item === 'bigint')
      ? list.reduce((sum, item) => sum + item, 0n)
      : list.reduce((sum: number, item) => sum + Number(item), 0),
  )
  env.registerFunction('list<dyn>.indexOf(dyn): int', (list: unknown[], item: unknown) =>
    BigInt(list.indexOf(item)),
  )
  env.registerFunction('list<dyn>.lastIndexOf(dyn): int', (list: unknown[], item: unknown) =>
    BigInt(list.lastIndexOf(item)),
  )
}

function least(list: readonly Ordered[], isBefore: (a: Ordered, b: Ordered) => boolean): Ordered {
  if (list.length === 0) fail('an empty list has no least and no greatest element')
  return list.reduce((best, item) => (isBefore(item, best) ? item : best))
}

function fail(message: string): never {
  throw new Error(message)
}
