// Arithmetic of binary operators on single elements: floats and histograms in every combination.
// Source: Prometheus 3.14; `%` is C's fmod, which is JavaScript's.

import type { FloatHistogram } from '../../model/index.ts'
import {
  addHistograms,
  divideHistogram,
  scaleHistogram,
  subtractHistograms,
  withHint,
} from '../histogram/arithmetic.ts'
import { compact, histogramsEqual } from '../histogram/layout.ts'
import { trimHistogram } from '../histogram/trim.ts'
import type { ArithmeticOp, BinaryOp, ComparisonOp } from '../parse/ast.ts'
import type { AnnotationLevel } from './operator.ts'

/** Arithmetic on two floats. */
export const floatArithmetic: Readonly<Record<ArithmeticOp, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
  atan2: (a, b) => Math.atan2(a, b),
}

/** Comparisons of two floats. */
export const floatComparison: Readonly<Record<ComparisonOp, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

/** Whether the operator is a comparison. */
export function isComparison(op: BinaryOp): op is ComparisonOp {
  return op in floatComparison
}

/** Whether the operator computes a new float; such results lose their names. */
export function isArithmetic(op: BinaryOp): op is ArithmeticOp {
  return op in floatArithmetic
}

// Go's pow answers 1 where the base is 1 or −1 with an infinite exponent, or 1 with NaN; JavaScript answers NaN.
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Infinity)) return 1
  return base ** exponent
}

/** The result of one application; reused. */
export class ElementResult {
  /** Whether an element comes out (a comparison without `bool` may filter it). */
  keep = false
  /** The types do not fit: no element, even with `bool`. */
  failed = false
  value = 0
  histogram: FloatHistogram | undefined
  level: AnnotationLevel = 'info'
  /** What to tell the user, '' = nothing. */
  note = ''

  /** Applies `op` to two elements; a side with a histogram ignores its float. */
  apply(
    op: BinaryOp,
    left: number,
    leftHistogram: FloatHistogram | undefined,
    right: number,
    rightHistogram: FloatHistogram | undefined,
  ): void {
    this.failed = false
    this.note = ''
    this.keep = true
    this.histogram = undefined
    if (leftHistogram !== undefined && rightHistogram !== undefined) {
      this.#histograms(op, leftHistogram, rightHistogram)
    } else if (leftHistogram !== undefined) this.#histogramFloat(op, leftHistogram, right)
    else if (rightHistogram !== undefined) {
      if (op === '*') this.histogram = compact(scaleHistogram(rightHistogram, left))
      else this.#incompatible(op, 'float', 'histogram')
    } else this.#floats(op, left, right)
  }

  #floats(op: BinaryOp, left: number, right: number): void {
    if (isArithmetic(op)) this.value = floatArithmetic[op](left, right)
    else if (isComparison(op)) {
      this.value = left
      this.keep = floatComparison[op](left, right)
    } else this.#incompatible(op, 'float', 'float')
  }

  #histogramFloat(op: BinaryOp, left: FloatHistogram, right: number): void {
    if (op === '*') this.histogram = compact(scaleHistogram(left, right))
    else if (op === '/') this.histogram = compact(divideHistogram(left, right))
    else if (op === '</') this.histogram = trimHistogram(left, right, 'below')
    else if (op === '>/') this.histogram = trimHistogram(left, right, 'above')
    else this.#incompatible(op, 'histogram', 'float')
  }

  #histograms(op: BinaryOp, left: FloatHistogram, right: FloatHistogram): void {
    if (op === '==' || op === '!=') {
      this.histogram = left
      this.keep = histogramsEqual(left, right) === (op === '==')
      return
    }
    if (op !== '+' && op !== '-') {
      this.#incompatible(op, 'histogram', 'histogram')
      return
    }
    const met = op === '+' ? addHistograms(left, right) : subtractHistograms(left, right)
    if (met === undefined) {
      this.#fail('warning', `incompatible bucket layout encountered for binary operator ${op}`)
      return
    }
    const doing = op === '+' ? 'addition' : 'subtraction'
    if (met.boundsDiffer) {
      this.level = 'info'
      this.note = `mismatched custom buckets were reconciled during ${doing}`
    }
    this.histogram = compact(op === '+' ? met.histogram : withHint(met.histogram, 'gauge'))
    if (met.hintsCollide) {
      this.#fail('warning', `conflicting counter resets during histogram ${doing}`)
    }
  }

  #incompatible(op: BinaryOp, left: string, right: string): void {
    this.#fail(
      'info',
      `incompatible sample types encountered for binary operator "${op}": ${left} ${op} ${right}`,
    )
  }

  #fail(level: AnnotationLevel, note: string): void {
    this.keep = false
    this.failed = true
    this.level = level
    this.note = note
  }
}
