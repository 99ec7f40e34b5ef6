// Annotations: warnings and infos of one query, each text once, with the place in the query it comes from.
// Invariant: equal texts are one annotation; the latest position stays, details are folded together.
// Source: texts and folding of Prometheus util/annotations.

import type { ForcedMonotonicity } from '../functions/classic-histogram.ts'
import { MonotonicityTally } from '../functions/classic-histogram.ts'
import type { AnnotationLevel } from './operator.ts'

/** A rendered set of annotations. */
export interface AnnotationTexts {
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

interface Annotation {
  readonly level: AnnotationLevel
  position: number
  count: number
  monotonicity: MonotonicityTally | undefined
}

/** Collects annotations while a query runs. Positions are byte offsets into the query text, −1 = none. */
export class Annotations {
  readonly #byText = new Map<string, Annotation>()

  /** Adds an annotation; `text` comes without prefix and position. */
  add(level: AnnotationLevel, text: string, position: number): void {
    this.#entry(level, text, position)
  }

  /** Adds the info that classic buckets were repaired at `timeMs`. */
  addForced(text: string, position: number, forced: ForcedMonotonicity, timeMs: number): void {
    const annotation = this.#entry('info', text, position)
    annotation.monotonicity ??= new MonotonicityTally()
    annotation.monotonicity.add(forced, timeMs)
  }

  /** A text from outside the language (a source's warning): no prefix, no position. */
  addPlain(text: string): void {
    this.#byText.set(text, { level: 'warning', position: -1, count: 1, monotonicity: undefined })
  }

  /** Everything said so far; `locate` turns an offset into "line:column". */
  render(locate: (position: number) => string): AnnotationTexts {
    const warnings: string[] = []
    const infos: string[] = []
    for (const [key, annotation] of this.#byText) {
      const text = key + detailOf(key, annotation)
      const { position, level } = annotation
      const placed = position < 0 ? text : `${text} (${locate(position)})`
      if (level === 'info') infos.push(placed)
      else warnings.push(placed)
    }
    return { warnings, infos }
  }

  #entry(level: AnnotationLevel, text: string, position: number): Annotation {
    const key = `PromQL ${level}: ${text}`
    const known = this.#byText.get(key)
    if (known !== undefined) {
      known.position = position
      known.count++
      return known
    }
    const annotation: Annotation = { level, position, count: 1, monotonicity: undefined }
    this.#byText.set(key, annotation)
    return annotation
  }
}

// Of the texts without numbers of their own, only this one tells how often it happened.
const countedPrefix = 'PromQL warning: sample has start time that overlaps'

function detailOf(key: string, annotation: Annotation): string {
  const { count, monotonicity } = annotation
  if (monotonicity !== undefined) return monotonicity.detail()
  return count > 1 && key.startsWith(countedPrefix) ? ` (${count} occurrences)` : ''
}
