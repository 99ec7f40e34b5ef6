// CEL expressions over managed clusters: compiled once, evaluated per cluster, with a bound on what they cost.
// The variable is `managedCluster`, the object as the API server has it. All expressions of a selector must be true; one
// that fails (a key that is not there, say) is not.
// Costs: a step per element that a macro visits, and one per element or ten characters of what it makes of it, so
// that neither time nor memory can grow beyond the bound (bounded-text.ts).
// Source: facts/fleet.md §4; open-cluster-management.io/ocm placement (a mistake in an expression is one in the placement).

import { Environment, type ParseResult } from '@marcbachmann/cel-js'
import { LRUCache } from 'lru-cache'
import type { KubeObject } from '../kube-object.ts'
import { boundedText } from './bounded-text.ts'
import { celValue, linearMatches, registerLibrary } from './library.ts'

/** Steps that one cluster may cost; above, the expression counts as not true. */
const stepsPerCluster = 100_000
/** Steps that one decision over all clusters may cost. */
const stepsPerDecision = 5_000_000

const expressionLengthMax = 10_000
const compiledMax = 500

/** One entry of an AddOnPlacementScore. */
export type ScoreItems = ReadonlyMap<string, number>

/** What expressions are evaluated over. */
export interface ExpressionInput {
  readonly object: KubeObject
  /** Scores of the cluster by the name of their AddOnPlacementScore. */
  scores(resourceName: string): ScoreItems | undefined
}

/** What is left of a decision's steps. */
export class StepBudget {
  left: number

  constructor(steps = stepsPerDecision) {
    this.left = steps
  }
}

let steps = 0
let stepsMax = 0
let scoresOf: ExpressionInput['scores'] = () => undefined

const compiled = new LRUCache<string, Compiled>({ max: compiledMax })

const names = { counted: 'countedStep', allowed: 'stepAllowed', matches: linearMatches }
const environment = createEnvironment()

type Compiled = { readonly run: ParseResult } | { readonly mistake: string }

/** What is wrong with an expression on any cluster; undefined where nothing is. */
export function expressionMistake(expression: string): string | undefined {
  const one = compile(expression)
  return 'mistake' in one ? `CEL expression ${brief(expression)}: ${one.mistake}` : undefined
}

/**
 * Why not all expressions are true for a cluster; undefined where they are. All have passed `expressionMistake`.
 * Takes from the budget.
 */
export function firstUntrue(
  expressions: readonly string[],
  input: ExpressionInput,
  budget: StepBudget,
): string | undefined {
  const context = { managedCluster: celValue(input.object) }
  steps = 0
  stepsMax = Math.min(stepsPerCluster, budget.left)
  scoresOf = (name) => input.scores(name)
  try {
    for (const expression of expressions) {
      const one = compile(expression)
      if ('mistake' in one) return one.mistake
      step(1)
      const value: unknown = one.run(context)
      if (value !== true) return `CEL expression ${brief(expression)} is ${brief(String(value))}`
    }
    return undefined
  } catch (error) {
    return `CEL expression fails: ${firstLine(error)}`
  } finally {
    budget.left -= steps
  }
}

function compile(expression: string): Compiled {
  let one = compiled.get(expression)
  if (one === undefined) {
    one = compileAnew(expression)
    compiled.set(expression, one)
  }
  return one
}

function compileAnew(expression: string): Compiled {
  if (expression.length > expressionLengthMax)
    return { mistake: `it is longer than ${expressionLengthMax} characters` }
  try {
    const plain = environment.parse(expression)
    const checked = plain.check()
    if (!checked.valid) return { mistake: firstLine(checked.error) }
    return { run: environment.parse(boundedText(plain.ast, names)) }
  } catch (error) {
    return { mistake: firstLine(error) }
  }
}

function createEnvironment(): Environment {
  const env = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 5000 },
  })
  env.registerVariable('managedCluster', 'map<string, dyn>')
  env.registerFunction('map.scores(string): list<dyn>', (_cluster: unknown, name: string) => {
    const items = scoresOf(name)
    if (items === undefined) throw new Error(`the cluster has no AddOnPlacementScore ${name}`)
    return [...items].map(([item, value]) => celValue({ name: item, value }))
  })
  env.registerFunction(`${names.allowed}(): bool`, () => {
    step(1)
    return true
  })
  env.registerFunction(`${names.counted}(dyn): dyn`, (value: unknown) => {
    step(sizeOf(value))
    return value
  })
  registerLibrary(env)
  return env
}

function step(count: number): void {
  steps += count
  if (steps > stepsMax) throw new Error('it costs too much')
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Math.ceil(value.length / 10)
  return Array.isArray(value) ? value.length : 0
}

function firstLine(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]! : String(error)
}

function brief(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
