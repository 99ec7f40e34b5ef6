// Answers: which status a write gets once its body has been appended.
// Source: remote write specification (400), Thanos receive (409); both leave the valid samples stored.

import type { AppendResult } from '../storage/index.ts'
import type { WriteDialect } from './negotiate.ts'

/** The HTTP status of an appended request: 204 or 200, 400 or 409 where something was refused, 429 for a passing limit. */
export function answerStatus(dialect: WriteDialect, result: AppendResult): number {
  // First: a sender that retries after 429 loses nothing, the rest of its body is then a repetition.
  if (result.limited) return 429
  if (result.rejectedCount > 0) return dialect === 'thanos' ? 409 : 400
  return dialect === 'thanos' ? 200 : 204
}

/** What a sender reads, and logs, about refused elements: a count, then one reason a line. */
export function rejectionText(result: AppendResult): string {
  const { rejectedCount, rejections } = result
  const noun = rejectedCount === 1 ? 'element was' : 'elements were'
  const reasons = rejections.map(({ kind, message }) => `${kind}: ${message}`)
  const hidden = rejectedCount - reasons.length
  if (hidden > 0) reasons.push(`and ${hidden} more`)
  return `${rejectedCount} ${noun} refused, the others are stored: ${reasons.join('\n')}\n`
}
