// Followers of the event log: each asks for the events after an id and waits where there are none yet.
// Invariants: a follower is never told less than all events that its scope shows, in order; one call looks at a bounded
// number of events; nothing is kept for a follower between calls.

import { type Scope, UserError } from '../../model/index.ts'
import type { FleetEvent } from '../view/call.ts'
import { isEventSeen } from '../view/event-list.ts'
import type { FleetEventLog } from '../view/fleet-view.ts'

/** Events that one call looks at. */
const lookedAtMax = 500
/** A call that waits answers with nothing after so long, so that a follower who is gone is noticed. */
const waitMsMax = 20_000

/** What a follower asks. */
export interface FollowCall {
  readonly afterId: number
  readonly scope: Scope
}

/** What a follower gets: where to go on, and the events up to there that it may see. */
export interface FollowAnswer {
  readonly newestId: number
  readonly events: readonly FleetEvent[]
}

/** Lets followers wait for events. */
export class EventWaiters {
  readonly #log: FleetEventLog
  readonly #waiting = new Set<() => void>()

  constructor(log: FleetEventLog) {
    this.#log = log
  }

  /** Events after an id. Throws UserError gone where they are no longer kept. */
  async next({ afterId, scope }: FollowCall): Promise<FollowAnswer> {
    if (afterId === this.#log.newestId) await this.#more()
    const { oldestId, newestId } = this.#log
    if (afterId < oldestId - 1 || afterId > newestId) {
      throw new UserError('gone', {
        what: `events after ${afterId} are not kept; kept are ${oldestId} to ${newestId}`,
        fix: 'list again, and follow from there',
      })
    }
    const events: FleetEvent[] = []
    const lastId = Math.min(newestId, afterId + lookedAtMax)
    for (let id = afterId + 1; id <= lastId; id++) {
      const event = this.#log.at(id)
      if (isEventSeen(scope, event)) events.push(event)
    }
    return { newestId: lastId, events }
  }

  /** There are new events, or nobody is to wait any more. */
  wake(): void {
    for (const done of this.#waiting) done()
    this.#waiting.clear()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, waitMsMax)
      this.#waiting.add(done)
    })
  }
}
