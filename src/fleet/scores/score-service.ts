// Scores on a schedule: each expression is asked at its interval; what changed is published. An answer that fails leaves
// the last one valid as long as it said it would be.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../telemetry/index.ts'
import {
  ScoreBoard,
  type ScoreChanges,
  type ScoreDefinition,
  type ScoreSample,
} from './score-board.ts'

/** What the service asks, tells and knows. */
export interface ScorePorts {
  query(
    ask: Pick<ScoreDefinition, 'tenant' | 'expression'> & {
      readonly timeMs: number
      readonly deadlineMs: number
    },
  ): Promise<readonly ScoreSample[]>
  publish(changes: ScoreChanges): Promise<void>
  now(): number
  readonly log: Logger
}

const answerMsMax = 30_000
const mistakesShownMax = 5

/** Asks expressions until it is closed. */
export class ScoreService {
  readonly #definitions: readonly ScoreDefinition[]
  readonly #ports: ScorePorts
  readonly #board = new ScoreBoard()
  readonly #end = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(definitions: readonly ScoreDefinition[], ports: ScorePorts) {
    this.#definitions = definitions
    this.#ports = ports
  }

  /** Begins to ask. */
  start(): void {
    this.#running = Promise.all(this.#definitions.map((definition) => this.#repeat(definition)))
  }

  /** Asks one expression now and publishes what it changes. Never throws. */
  async evaluate(definition: ScoreDefinition): Promise<void> {
    const { log, now } = this.#ports
    const { tenant, expression, resource, name, intervalMs } = definition
    const about = { score: `${resource}/${name}` }
    try {
      const timeMs = now()
      const deadlineMs = timeMs + Math.min(intervalMs, answerMsMax)
      const samples = await this.#ports.query({ tenant, expression, timeMs, deadlineMs })
      const { changes, mistakes } = this.#board.take(definition, samples, timeMs)
      if (mistakes.length > 0) {
        const first = mistakes.slice(0, mistakesShownMax)
        log.warn({ ...about, mistakes: first, count: mistakes.length }, 'samples are no scores')
      }
      if (changes.size > 0) await this.#ports.publish(changes)
    } catch (error) {
      log.warn({ ...about, err: error }, 'a score of clusters was not computed')
    }
  }

  /** Ends asking; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #repeat(definition: ScoreDefinition): Promise<void> {
    const { signal } = this.#end
    while (!signal.aborted) {
      await this.evaluate(definition)
      await sleep(definition.intervalMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
