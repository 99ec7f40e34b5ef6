// Tally: what became of one request: how much was written, and the first reasons why something was not.

import { formatDurationMs, formatLabels, formatTime, type Labels } from '../../model/index.ts'
import type { AppendResult, Rejection } from '../../storage/index.ts'

const reasonsMax = 10
const shownLengthMax = 300

/** Counts while a request is appended. */
export class Tally {
  samplesWritten = 0
  histogramsWritten = 0
  exemplarsWritten = 0
  /** Samples of series that relabelling drops: neither written nor refused. */
  droppedCount = 0
  rejectedCount = 0
  limited = false
  readonly #rejections: Rejection[] = []

  /** Refuses `count` elements for one reason; the message is made only while there is room for it. */
  reject(kind: Rejection['kind'], count: number, message: () => string): void {
    this.rejectedCount += count
    if (this.#rejections.length < reasonsMax) this.#rejections.push({ kind, message: message() })
  }

  /** The outcome. */
  result(): AppendResult {
    const { samplesWritten, histogramsWritten, exemplarsWritten, rejectedCount, limited } = this
    return {
      samplesWritten,
      histogramsWritten,
      exemplarsWritten,
      rejectedCount,
      rejections: this.#rejections,
      limited,
    }
  }
}

/** The labels of a series in a message, cut where they are long. */
export function shownLabels(labels: Labels): string {
  const text = formatLabels(labels)
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`
}

/** Messages of refused samples: series, time and remedy. */
export const refusal = {
  tooOld: (labels: Labels, timeMs: number, windowSizeMs: number): string =>
    `${shownLabels(labels)}: the sample at ${formatTime(timeMs)} is more than ${formatDurationMs(windowSizeMs)} older than the newest of its series; raise ingest.outOfOrderWindow, or correct the sender's clock`,
  outOfOrder: (labels: Labels, timeMs: number): string =>
    `${shownLabels(labels)}: the sample at ${formatTime(timeMs)} is older than the newest of its series; send samples in order, or raise ingest.outOfOrderWindow`,
  beyondRetention: (labels: Labels, timeMs: number): string =>
    `${shownLabels(labels)}: the sample at ${formatTime(timeMs)} is older than what is kept; raise storage.retention, or correct the sender's clock`,
  future: (labels: Labels, timeMs: number): string =>
    `${shownLabels(labels)}: the sample at ${formatTime(timeMs)} is too far in the future; correct the sender's clock`,
  duplicate: (labels: Labels, timeMs: number): string =>
    `${shownLabels(labels)}: another value is stored at ${formatTime(timeMs)}; let one sender write each series`,
  tooManyWindows: (labels: Labels, timeMs: number): string =>
    `${shownLabels(labels)}: the sample at ${formatTime(timeMs)} needs one more open window than are allowed; send old data in order of time, and again later`,
}
