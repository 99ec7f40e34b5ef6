// The fleet of this process: sources in; answers, events, samples and memberships out.
// Here: what happens when. Elsewhere: each step (fleet-state.ts, fleet-history.ts, series-writer.ts, view/answers.ts).
// Invariants: changes are taken in together, `coalesceMs` after the first; an event is on the disk before anybody hears of
// it; a hub that has not been read whole shows nothing and has no transitions; nothing here waits for a bucket or for
// samples to be stored.
// Units: times in Unix milliseconds.

import type { Journal, JournalMirror } from '../../journal/index.ts'
import type { MembershipColumns } from '../../model/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Fleet } from '../model/fleet.ts'
import type { DecisionStore, HubDecisions } from '../placement/decision-store.ts'
import type { MembershipStore } from '../placement/membership-store.ts'
import { type ScoreChanges, scoreObjects, scoresOfHub } from '../scores/score-board.ts'
import type { WriteOutcome } from '../scores/score-writer.ts'
import { answerDefaults, FleetAnswers } from '../view/answers.ts'
import type { FleetAnswer, FleetCall, FleetEvent } from '../view/call.ts'
import type { ClusterData, FleetView, SourceStatus } from '../view/fleet-view.ts'
import { EventWaiters, type FollowAnswer, type FollowCall } from './event-waiters.ts'
import { FleetHistory } from './fleet-history.ts'
import { FleetState } from './fleet-state.ts'
import { SeriesWriter, type WriteBody } from './series-writer.ts'
import type { FleetSource, SourceChange } from './source.ts'

/** How often what is done. */
export interface FleetServiceOptions {
  /** Changes within so long are joined together. */
  readonly coalesceMs: number
  /** What follows the clock (tolerations, age of data) is looked at so often. */
  readonly clockMs: number
  /** Every series gets a sample so often. */
  readonly roundMs: number
  /** The journal is copied to the bucket so often, so that at most twice this is lost with a disk. */
  readonly mirrorMs: number
  /** Addons whose work it is to send samples. */
  readonly senders: readonly string[]
  /** Samples older than this are a failure of the sender. */
  readonly sampleAgeMsMax: number
  /** Most entries of one page of a list. */
  readonly pageLimit: number
}

/** Defaults. */
export const fleetServiceDefaults: FleetServiceOptions = {
  coalesceMs: 200,
  clockMs: 5000,
  roundMs: 60_000,
  mirrorMs: 25_000,
  senders: ['crowsnest', 'observability-controller', 'multicluster-observability-addon'],
  sampleAgeMsMax: 300_000,
  pageLimit: answerDefaults.limitMax,
}

/** What the service works with. */
export interface FleetServiceParts {
  readonly sources: readonly FleetSource[]
  /** Hubs whose placements are decided here. */
  readonly embedded: ReadonlySet<string>
  readonly decisions: DecisionStore
  readonly memberships: MembershipStore
  /** Scores onto a hub's API, where its placements are decided there. */
  readonly writeScores: (hub: string, changes: ScoreChanges) => Promise<WriteOutcome>
  readonly journal: Journal<FleetEvent>
  readonly mirror: JournalMirror | undefined
  readonly write: WriteBody
  readonly onMembership: (columns: MembershipColumns) => void
  readonly log: Logger
  readonly now: () => number
  readonly options: FleetServiceOptions
}

/** Keeps the fleet. */
export class FleetService {
  readonly #parts: FleetServiceParts
  readonly #state = new FleetState()
  readonly #history: FleetHistory
  readonly #answers: FleetAnswers
  readonly #waiters: EventWaiters
  readonly #series: SeriesWriter
  readonly #synced = new Set<string>()
  readonly #unseenSinceMs = new Map<string, number>()
  readonly #saved = new Map<string, HubDecisions['decisions']>()
  readonly #timers: NodeJS.Timeout[] = []
  #data: ReadonlyMap<string, ClusterData> = new Map()
  #fleet: Fleet
  #joining: NodeJS.Timeout | undefined
  #changes: Promise<void> = Promise.resolve()
  #round: Promise<void> | undefined
  #mirroring: Promise<void> | undefined
  #keeping: Promise<void> | undefined
  #isClosed = false

  constructor(parts: FleetServiceParts) {
    this.#parts = parts
    this.#history = new FleetHistory(parts.journal)
    this.#waiters = new EventWaiters(parts.journal)
    this.#answers = new FleetAnswers({ ...answerDefaults, limitMax: parts.options.pageLimit })
    this.#fleet = this.#state.fleet
    this.#series = new SeriesWriter({
      fleet: () => this.#fleet,
      sources: () => parts.sources.map((source) => source.status()),
      data: () => this.#data,
      write: parts.write,
      now: parts.now,
    })
  }

  /** How all sources are now. */
  sources(): readonly SourceStatus[] {
    return this.#parts.sources.map((source) => source.status())
  }

  /** Begins to read all sources; resolves when that is under way. */
  async start(): Promise<void> {
    const { sources, embedded, decisions, memberships, onMembership, options } = this.#parts
    // What was known before the start is known until a hub says otherwise.
    onMembership(memberships.columns())
    for (const { name } of sources)
      this.#state.addHub(name, embedded.has(name) ? await decisions.load(name) : undefined)
    this.#every(options.clockMs, () => this.#join())
    this.#every(options.roundMs, () => this.#writeRound())
    this.#every(options.mirrorMs, () => this.#copy())
    await Promise.all(
      sources.map((source) => source.start((change) => this.#take(source.name, change))),
    )
  }

  /** Answers a reader. Throws UserError as `FleetPort.ask` does. */
  ask(call: FleetCall): FleetAnswer {
    return this.#answers.answer(this.#view(), call)
  }

  /** Events after an id, as soon as there are any; none after a while. Throws UserError gone. */
  follow(call: FollowCall): Promise<FollowAnswer> {
    return this.#waiters.next(call)
  }

  /** What the gateway's own data say of clusters, by name. */
  setData(data: ReadonlyMap<string, ClusterData>): void {
    this.#data = data
    this.#schedule()
  }

  /** What expressions say of clusters now: for our own placements, and onto the APIs of hubs that decide theirs. */
  async takeScores(changes: ScoreChanges): Promise<void> {
    const { sources, embedded, writeScores, log } = this.#parts
    for (const { name } of sources) {
      const own = scoresOfHub(changes, this.#state.fleetOf(name))
      if (own.size === 0) continue
      if (embedded.has(name)) {
        this.#state.apply(name, scoreObjects(own))
        this.#schedule()
        continue
      }
      const { failureCount, failures } = await writeScores(name, own)
      if (failureCount > 0)
        log.warn({ hub: name, failureCount, failures }, 'scores were not written')
    }
  }

  /** Ends reading, writes what is known, and copies it. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) clearInterval(timer)
    clearTimeout(this.#joining)
    await Promise.all(this.#parts.sources.map((source) => source.close()))
    this.#waiters.wake()
    await Promise.allSettled([this.#changes, this.#round, this.#mirroring, this.#keeping])
    if (this.#synced.size > 0) await this.#keep(this.#parts.now())
    await this.#parts.mirror?.copy(AbortSignal.timeout(5000)).catch((error) => this.#report(error))
    this.#parts.journal.close()
  }

  #take(hub: string, change: SourceChange): void {
    this.#state.apply(hub, change)
    if (change.synced) this.#synced.add(hub)
    if (change.unseenSinceMs !== undefined)
      this.#unseenSinceMs.set(
        hub,
        Math.min(change.unseenSinceMs, this.#unseenSinceMs.get(hub) ?? change.unseenSinceMs),
      )
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#joining ??= setTimeout(() => {
      this.#joining = undefined
      try {
        this.#join()
      } catch (error) {
        this.#report(error)
      }
    }, this.#parts.options.coalesceMs)
  }

  #join(): void {
    const { now, options, sources } = this.#parts
    const nowMs = now()
    const samples = [...this.#data].flatMap(([cluster, { lastSampleMs }]) =>
      lastSampleMs === undefined ? [] : [[cluster, lastSampleMs] as const],
    )
    const before = this.#fleet
    this.#fleet = this.#state.join(
      {
        nowMs,
        lastSampleMs: new Map(samples),
        senders: new Set(options.senders),
        sampleAgeMsMax: options.sampleAgeMsMax,
      },
      (hub) => this.#synced.has(hub),
    )
    if (this.#fleet !== before) {
      const after = this.#fleet
      this.#changes = this.#changes
        .then(() => this.#series.change(before, after))
        .catch((error) => this.#report(error))
    }
    for (const { name } of sources) if (this.#synced.has(name)) this.#note(name, nowMs)
    if (this.#history.isStateDue(nowMs))
      this.#keeping ??= this.#keep(nowMs)
        .catch((error) => this.#report(error))
        .finally(() => {
          this.#keeping = undefined
        })
  }

  #note(hub: string, nowMs: number): void {
    const unseenSinceMs = this.#unseenSinceMs.get(hub)
    const events = this.#history.note(hub, this.#state.fleetOf(hub), {
      nowMs,
      ...(unseenSinceMs === undefined ? {} : { unseenSinceMs }),
    })
    this.#unseenSinceMs.delete(hub)
    if (events.length > 0) this.#waiters.wake()
    const { memberships, onMembership } = this.#parts
    if (memberships.note(hub, this.#state.fleetOf(hub), events, nowMs))
      onMembership(memberships.columns())
    const decisions = this.#state.decisionsOf(hub)
    if (!this.#parts.embedded.has(hub) || this.#saved.get(hub) === decisions.decisions) return
    this.#saved.set(hub, decisions.decisions)
    this.#parts.decisions.save(hub, decisions).catch((error) => this.#report(error))
  }

  // The journal's events may go once a state is written, so what is made from them is kept first.
  async #keep(nowMs: number): Promise<void> {
    await this.#parts.memberships.save()
    this.#history.writeState(nowMs)
  }

  #view(): FleetView {
    const { now, sources, journal } = this.#parts
    return {
      fleet: this.#fleet,
      nowMs: now(),
      sources: sources.map((source) => source.status()),
      unread: new Set(sources.flatMap(({ name }) => (this.#synced.has(name) ? [] : name))),
      data: this.#data,
      events: journal,
      placementsOf: (hub) => this.#state.placementsOf(hub, now()),
    }
  }

  // A round that takes longer than its interval is not begun twice.
  #writeRound(): void {
    if (this.#synced.size === 0) return
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))
    this.#round ??= this.#series
      .round(pause)
      .catch((error) => this.#report(error))
      .finally(() => {
        this.#round = undefined
      })
  }

  #copy(): void {
    this.#mirroring ??= this.#parts.mirror
      ?.copy()
      .catch((error) => this.#report(error))
      .finally(() => {
        this.#mirroring = undefined
      })
  }

  #every(intervalMs: number, act: () => void): void {
    const timer = setInterval(() => {
      try {
        act()
      } catch (error) {
        this.#report(error)
      }
    }, intervalMs)
    this.#timers.push(timer)
  }

  #report(error: unknown): void {
    this.#parts.log.error({ err: error }, 'the fleet could not be kept whole')
  }
}
