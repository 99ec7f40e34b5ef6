// Answers that are kept while nothing changes: many readers ask the same.
// Invariants: an answer is given again only for an equal call to a view of the same fleet, data, sources and events, and
// for a bounded time, since flaps leave their window; bounded in number and bytes.

import { scopeKey } from '../../model/index.ts'
import type { FleetAnswer, FleetCall } from './call.ts'
import type { FleetView } from './fleet-view.ts'

/** Bounds of what is kept. */
export interface KeptOptions {
  readonly countMax: number
  readonly sizeBytesMax: number
  readonly ageMsMax: number
}

/** Defaults. */
export const keptDefaults: KeptOptions = {
  countMax: 256,
  sizeBytesMax: 16 << 20,
  ageMsMax: 10_000,
}

/** Answers of the newest view. */
export class KeptAnswers {
  readonly #options: KeptOptions
  #view: FleetView | undefined
  #sources = ''
  #newestId = 0
  #answers = new Map<string, FleetAnswer>()
  #sizeBytes = 0

  constructor(options: KeptOptions = keptDefaults) {
    this.#options = options
  }

  /** The kept answer, or that of `make`, which is kept then. */
  get(view: FleetView, call: FleetCall, make: () => FleetAnswer): FleetAnswer {
    if (call.kind === 'explain') return make()
    this.#forgetWhereChanged(view)
    const key = JSON.stringify({ ...call, scope: scopeKey(call.scope) })
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const answer = make()
    const { countMax, sizeBytesMax } = this.#options
    const isRoom = this.#sizeBytes + answer.body.length <= sizeBytesMax
    if (isRoom && this.#answers.size < countMax) {
      this.#answers.set(key, answer)
      this.#sizeBytes += answer.body.length
    }
    return answer
  }

  #forgetWhereChanged(view: FleetView): void {
    const before = this.#view
    const sources = JSON.stringify([view.sources, [...view.unread]])
    const isSame =
      before !== undefined &&
      before.fleet === view.fleet &&
      before.data === view.data &&
      this.#newestId === view.events.newestId &&
      this.#sources === sources &&
      view.nowMs - before.nowMs <= this.#options.ageMsMax
    if (isSame) return
    this.#view = view
    this.#sources = sources
    this.#newestId = view.events.newestId
    this.#answers = new Map()
    this.#sizeBytes = 0
  }
}
