// The controller of a hub: who leads follows the kinds of all parts, asks each part what should be there, and has the difference written.
// Level-triggered: a plan looks at what is there now, never at what happened, so that a change that is missed, or comes twice, does no harm.
// Here: when to look. Elsewhere: what is wanted (the parts), what is written (applier.ts).
// Invariants: at most one round at a time; who no longer leads begins no write; a part that fails holds no other one up.
// Units: times in Unix milliseconds or milliseconds.

import { type KubeClient, LeaderElection, type ReflectorOptions } from '../kube/index.ts'
import { Applier, type ApplierOptions, type WriteReport } from './applier.ts'
import { FollowedKinds, type FollowedStatus } from './followed-kinds.ts'
import type { Note, Part, Wanted } from './part.ts'

/** How a part is: waiting for kinds that it needs, or done with its last plan. */
export interface PartStatus {
  readonly name: string
  /** Why nothing is planned; '' when it is. */
  readonly waitsFor: string
  readonly plannedAtMs?: number
  readonly planMs: number
  /** Writes of the last plan that failed. */
  readonly failureCount: number
  readonly notes: readonly Note[]
}

/** How a controller is. */
export interface ControllerStatus {
  readonly isLeading: boolean
  /** Who leads; '' while nobody is known to. */
  readonly leader: string
  readonly problem: string
  readonly kinds: readonly FollowedStatus[]
  readonly parts: readonly PartStatus[]
}

/** What is told to people. */
export interface ControllerListener {
  onLeading(isLeading: boolean, leader: string, problem: string): void
  /** A note that is new, or a part that begins or ceases to wait. */
  onNote(part: string, note: Note): void
  onWrite(report: WriteReport): void
}

/** Where the lease is, who we are, and the rhythm. */
export interface ControllerOptions {
  readonly lease: { readonly namespace: string; readonly name: string; readonly identity: string }
  /** From a change to the round that looks at it: changes come in flocks. */
  readonly settleMs: number
  /** Everything is looked at again so often, whatever happened. */
  readonly resyncMs: number
  readonly applier: Partial<ApplierOptions>
  readonly reflector: Partial<ReflectorOptions>
  readonly election: { readonly leaseMs?: number; readonly retryMs?: number }
  readonly now: () => number
}

/** Defaults. */
export const controllerDefaults: Omit<ControllerOptions, 'lease'> = {
  settleMs: 500,
  resyncMs: 300_000,
  applier: {},
  reflector: {},
  election: {},
  now: Date.now,
}

/** A round waits for at least so many times what planning took in the one before, so that it never takes the whole of a core. */
const restPerWork = 4

/** One hub's controller. */
export class Controller {
  readonly #client: KubeClient
  readonly #parts: readonly Part[]
  readonly #options: ControllerOptions
  readonly #listener: ControllerListener
  readonly #applier: Applier
  readonly #election: LeaderElection
  readonly #status = new Map<string, PartStatus>()
  #leader = { identity: '', problem: '' }
  #term: Term | undefined

  constructor(
    client: KubeClient,
    parts: readonly Part[],
    options: Partial<ControllerOptions> & Pick<ControllerOptions, 'lease'>,
    listener: ControllerListener,
  ) {
    this.#client = client
    this.#parts = parts
    this.#options = { ...controllerDefaults, ...options }
    this.#listener = listener
    this.#applier = new Applier(client, {
      now: this.#options.now,
      onWrite: (report) => listener.onWrite(report),
      ...this.#options.applier,
    })
    const { lease, election } = this.#options
    this.#election = new LeaderElection(
      client,
      { ...lease, ...election },
      {
        onStarted: (leading) => this.#lead(leading),
        onObserved: (identity, problem) => {
          this.#leader = { identity: identity === '' ? this.#leader.identity : identity, problem }
          listener.onLeading(this.#election.isLeading, this.#leader.identity, problem)
        },
      },
    )
  }

  /** Stands for election; nothing is awaited. */
  start(): void {
    this.#election.start()
  }

  /** Has everything looked at again soon, since something beside the hub has changed. */
  lookAgain(): void {
    this.#term?.lookAgain()
  }

  /** How it is. */
  status(): ControllerStatus {
    return {
      isLeading: this.#election.isLeading,
      leader: this.#leader.identity,
      problem: this.#leader.problem,
      kinds: this.#term?.kinds.status() ?? [],
      parts: [...this.#status.values()],
    }
  }

  /** Ends the round under way and gives the lease back. */
  async close(): Promise<void> {
    const term = this.#term
    term?.stop()
    await term?.ended
    await this.#election.close()
  }

  #lead(leading: AbortSignal): void {
    const { reflector } = this.#options
    const kinds = new FollowedKinds(
      this.#client,
      this.#parts.flatMap(({ required, optional = [] }) => [...required, ...optional]),
      { onChange: () => term.lookAgain(), reflector },
    )
    const term = new Term(kinds, this.#options, () => this.#round(kinds, term.stopped))
    this.#term = term
    const stop = (): void => {
      term.stop()
      this.#listener.onLeading(false, this.#leader.identity, this.#leader.problem)
    }
    leading.addEventListener('abort', stop, { once: true })
    kinds.start()
  }

  async #round(kinds: FollowedKinds, stopped: AbortSignal): Promise<Round> {
    const { now, resyncMs } = this.#options
    let dueMs = now() + resyncMs
    let planMs = 0
    for (const part of this.#parts) {
      if (stopped.aborted) break
      dueMs = Math.min(dueMs, (await this.#planAndWrite(part, kinds, stopped)) ?? dueMs)
      planMs += this.#status.get(part.name)?.planMs ?? 0
    }
    return { dueMs, planMs }
  }

  async #planAndWrite(
    part: Part,
    kinds: FollowedKinds,
    stopped: AbortSignal,
  ): Promise<number | undefined> {
    const { now } = this.#options
    const waitsFor = part.required
      .map((followed) => kinds.problemOf(followed))
      .filter((problem) => problem !== '')
      .join('; ')
    const before = this.#status.get(part.name)
    if (waitsFor !== '') {
      this.#note(part, { ...(before ?? fresh(part)), waitsFor })
      return undefined
    }
    const startedMs = now()
    const wanted = await plannedBy(part, kinds, startedMs)
    const planMs = now() - startedMs
    const { failureCount, retryAtMs } = await this.#applier.carryOut(part.name, wanted, stopped)
    const notes = wanted.notes ?? []
    this.#note(part, { name: part.name, waitsFor, plannedAtMs: now(), planMs, failureCount, notes })
    const { lookAgainInMs } = wanted
    const times = [retryAtMs, lookAgainInMs === undefined ? undefined : now() + lookAgainInMs]
    return times.reduce(
      (least, one) => (one === undefined || (least !== undefined && least < one) ? least : one),
      undefined,
    )
  }

  #note(part: Part, status: PartStatus): void {
    const before = this.#status.get(part.name)
    this.#status.set(part.name, status)
    const told = new Set((before?.notes ?? []).map(textOfNote))
    for (const note of status.notes)
      if (!told.has(textOfNote(note))) this.#listener.onNote(part.name, note)
    const { waitsFor } = status
    if (waitsFor !== '' && waitsFor !== before?.waitsFor)
      this.#listener.onNote(part.name, { level: 'warn', about: 'part', text: `waits: ${waitsFor}` })
  }
}

// A plan that throws is a note, and nothing is written.
async function plannedBy(part: Part, kinds: FollowedKinds, nowMs: number): Promise<Wanted> {
  try {
    return await part.plan(kinds, nowMs)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return { notes: [{ level: 'warn', about: 'plan', text }] }
  }
}

function fresh({ name }: Part): PartStatus {
  return { name, waitsFor: '', planMs: 0, failureCount: 0, notes: [] }
}

function textOfNote({ about, text }: Note): string {
  return `${about}: ${text}`
}

/** What a round found: when the next is due at the latest, and how long planning took. */
interface Round {
  readonly dueMs: number
  readonly planMs: number
}

/** A time of leading: the kinds that are followed meanwhile, and the rounds. */
class Term {
  readonly kinds: FollowedKinds
  readonly #options: ControllerOptions
  readonly #round: () => Promise<Round>
  readonly #stop = new AbortController()
  #ended: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY
  #isBusy = false
  /** Something changed during the round under way. */
  #isStale = false
  #notBeforeMs = 0

  constructor(kinds: FollowedKinds, options: ControllerOptions, round: () => Promise<Round>) {
    this.kinds = kinds
    this.#options = options
    this.#round = round
  }

  get stopped(): AbortSignal {
    return this.#stop.signal
  }

  /** Resolves when nothing is under way any more, once it was stopped. */
  get ended(): Promise<unknown> {
    return this.#ended
  }

  lookAgain(): void {
    this.#isStale = this.#isBusy
    if (!this.#isBusy) this.#wakeAt(this.#options.now() + this.#options.settleMs)
  }

  stop(): void {
    if (this.#stop.signal.aborted) return
    clearTimeout(this.#timer)
    this.#stop.abort(new Error('no longer the leader'))
    this.#ended = Promise.all([this.#ended, this.kinds.close()])
  }

  #wakeAt(timeMs: number): void {
    if (this.stopped.aborted) return
    const atMs = Math.max(timeMs, this.#notBeforeMs)
    if (atMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    this.#timer = setTimeout(
      () => {
        this.#ended = this.#run()
      },
      Math.max(0, atMs - this.#options.now()),
    )
  }

  async #run(): Promise<void> {
    const { now, settleMs } = this.#options
    this.#timerAtMs = Number.POSITIVE_INFINITY
    this.#isBusy = true
    this.#isStale = false
    const { dueMs, planMs } = await this.#round()
    this.#isBusy = false
    const endedMs = now()
    this.#notBeforeMs = endedMs + Math.min(30_000, restPerWork * planMs)
    this.#wakeAt(this.#isStale ? endedMs + settleMs : dueMs)
  }
}
