// A test script: commands to clear and load storage and to evaluate expressions, with what is expected of each.
// Here: the shape of a parsed script. Reading: parse-script.ts. Running: run-script.ts.
// Units: Unix milliseconds; scripts begin at time 0. Lines count from 1.
// Source: Prometheus promql/promqltest/README.md.

import type { RE2JS } from 're2js'
import type { Labels } from '../../model/index.ts'
import type { ScriptValue } from './series-values.ts'

/** Empties the storage. */
export interface ClearCommand {
  readonly kind: 'clear'
  readonly line: number
}

/** One sample to load. */
export interface LoadSample {
  readonly timestampMs: number
  /** 0 = not known. */
  readonly startTimestampMs: number
  readonly value: ScriptValue
}

/** Samples of one series, in time order. */
export interface LoadSeries {
  readonly labels: Labels
  readonly samples: readonly LoadSample[]
}

/** Adds samples to the storage. */
export interface LoadCommand {
  readonly kind: 'load'
  readonly line: number
  /** Classic histograms are also loaded as native ones with custom buckets. */
  readonly withCustomBuckets: boolean
  readonly series: readonly LoadSeries[]
}

/** Whether a text is the one expected. */
export type TextExpectation =
  | { readonly kind: 'any' }
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'pattern'; readonly pattern: string; readonly regex: RE2JS }

/** A series that the result must have. */
export interface ExpectedSeries {
  readonly labels: Labels
  readonly values: readonly (ScriptValue | undefined)[]
}

/** The result that is expected when evaluation does not fail. */
export type ExpectedResult =
  | { readonly kind: 'scalar'; readonly value: ScriptValue }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'series'; readonly series: readonly ExpectedSeries[] }

/** What is expected of annotations of one level. */
export interface AnnotationExpectation {
  /** There must be none. */
  readonly none: boolean
  /** There must be one at least (deprecated eval_warn and eval_info). */
  readonly some: boolean
  /** Each must match an annotation, and each annotation one of them. */
  readonly matching: readonly TextExpectation[]
}

/** Where in time an expression is evaluated. */
export interface EvalTimes {
  readonly startMs: number
  readonly endMs: number
  /** 0 for instant evaluations. */
  readonly stepMs: number
}

/** Evaluates an expression. */
export interface EvalCommand {
  readonly kind: 'eval'
  readonly line: number
  /** As written, for messages. */
  readonly text: string
  readonly expr: string
  readonly times: EvalTimes
  readonly isRange: boolean
  /** The steps that expected values stand at. */
  readonly expectedTimes: EvalTimes
  readonly ordered: boolean
  /** The evaluation must fail, with this message where it says one. */
  readonly fail: TextExpectation | undefined
  readonly warn: AnnotationExpectation
  readonly info: AnnotationExpectation
  readonly result: ExpectedResult
  /** The result is an instant vector or a scalar, so that a range query has it in its middle. */
  readonly alsoAsRange: boolean
}

/** A command. */
export type ScriptCommand = ClearCommand | LoadCommand | EvalCommand
