// Expanding alert templates: `$labels`, `$value` and the rest are declared before the text, as Prometheus does it; a
// template that cannot be expanded becomes a text that says why.
// Source: facts §9.4; Prometheus rules/alerting.go for the variables and the error texts.

import { goFunctions } from './go-functions.ts'
import { AnswerPending, executeTemplate } from './interpreter.ts'
import { parseTemplate, type TemplateSet } from './parser.ts'
import {
  isTemplateFunction,
  prometheusFunctions,
  type TemplateSample,
} from './prometheus-functions.ts'
import { GoMap, GoStruct } from './values.ts'

/** What a template of one alert sees. */
export interface TemplateData {
  readonly labels: Readonly<Record<string, string>>
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  /** The sample's value; a histogram's is its text. */
  readonly value: number | string
  /** Evaluation time in Unix milliseconds. */
  readonly timeMs: number
}

/** Answers an instant query at the evaluation time. Rejects with Error. */
export type TemplateQuery = (text: string) => Promise<readonly TemplateSample[]>

const declarations =
  '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}'

const rootType =
  'struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }'

/** Queries that one expansion may ask: each costs a run of the template. */
const queriesMax = 100

/** A parsed template of an alert. */
export class AlertTemplate {
  readonly #name: string
  readonly #text: string
  readonly #set: TemplateSet | undefined
  readonly #fault: string | undefined

  /** Parses `text`; a fault is kept for `fault` and `expand`. */
  constructor(alertName: string, text: string) {
    this.#name = `__alert_${alertName}`
    this.#text = text
    if (!text.includes('{{')) return
    try {
      const isFunction = (name: string): boolean => isTemplateFunction(name, goFunctions)
      this.#set = parseTemplate(this.#name, declarations + text, isFunction)
    } catch (error) {
      this.#fault = (error as Error).message
    }
  }

  /** Why the text is no template, or undefined. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** The expanded text; never rejects. */
  async expand(data: TemplateData, query: TemplateQuery): Promise<string> {
    if (this.#fault !== undefined)
      return `<error expanding template: error parsing template ${this.#name}: ${this.#fault}>`
    if (this.#set === undefined) return this.#text
    try {
      return await this.#run(this.#set, data, query)
    } catch (error) {
      const reason = `error executing template ${this.#name}: ${(error as Error).message}`
      return `<error expanding template: ${reason}>`
    }
  }

  // Runs again each time an answer has arrived; queries at one time always have the same answer.
  async #run(set: TemplateSet, data: TemplateData, query: TemplateQuery): Promise<string> {
    const answers = new Map<string, readonly TemplateSample[] | Error>()
    const functions = {
      ...goFunctions,
      ...prometheusFunctions({
        timeMs: data.timeMs,
        externalUrl: data.externalUrl,
        query(text) {
          const answer = answers.get(text)
          if (answer === undefined) throw new AnswerPending(text)
          if (answer instanceof Error) throw answer
          return answer
        },
      }),
    }
    const dot = new GoStruct(rootType, {
      Labels: new GoMap(new Map(Object.entries(data.labels)), true),
      ExternalLabels: new GoMap(new Map(Object.entries(data.externalLabels)), true),
      ExternalURL: data.externalUrl,
      Value: data.value,
    })
    for (;;) {
      try {
        return executeTemplate(set, functions, dot)
      } catch (error) {
        if (!(error instanceof AnswerPending)) throw error
        if (answers.size >= queriesMax) throw new Error('the template asks too many queries')
        answers.set(error.query, await query(error.query).catch((cause: unknown) => cause as Error))
      }
    }
  }
}
