// Carries out what a part wants: writes only what differs, a bounded number at a time, each failure waiting before it is tried again.
// Invariants: what was written and came back unchanged is not written again; nothing is deleted but the object that was looked at; a patch
// carries the version that was looked at, and loses to whoever was faster: the next plan sees what they wrote.
// Units: times in Unix milliseconds or milliseconds.

import {
  type ApiObject,
  KubeApiError,
  type KubeClient,
  keyOf,
  resourceName,
} from '../kube/index.ts'
import { appliedAnnotation, isApplied, isSameJson, patched, withAppliedHash } from './difference.ts'
import type { Act, Apply, Deletion, Patch, Wanted } from './part.ts'

/** A write that was tried. A conflict is no failure: somebody was faster, and the next plan sees what they wrote. */
export interface WriteReport {
  readonly verb: 'apply' | 'delete' | 'patch' | 'act'
  /** Resource and key, or the name of the act. */
  readonly what: string
  readonly outcome: 'done' | 'conflict' | 'failed'
  readonly problem: string
}

/** Bounds and rhythm. */
export interface ApplierOptions {
  /** Name under which the fields that we set are ours. */
  readonly fieldManager: string
  readonly concurrency: number
  readonly retryDelayMsMin: number
  readonly retryDelayMsMax: number
  readonly now: () => number
  readonly onWrite: (report: WriteReport) => void
}

/** Defaults. */
export const applierDefaults: Omit<ApplierOptions, 'onWrite'> = {
  fieldManager: 'crowsnest-hub',
  concurrency: 8,
  retryDelayMsMin: 1000,
  retryDelayMsMax: 300_000,
  now: Date.now,
}

/** What became of a plan. */
export interface Outcome {
  readonly writeCount: number
  /** Writes that failed, now or before, and are not due again yet. */
  readonly failureCount: number
  /** When the first of them is due again. */
  readonly retryAtMs?: number
}

interface Write {
  readonly verb: WriteReport['verb']
  readonly what: string
  run(): Promise<unknown>
}

interface Failure {
  readonly count: number
  readonly retryAtMs: number
}

/** Writes for all parts on one hub. */
export class Applier {
  readonly #client: KubeClient
  readonly #options: ApplierOptions
  /** By part, then by write. Holds what the part still wants, and nothing else. */
  readonly #failures = new Map<string, Map<string, Failure>>()
  /** What an apply came back as: the hash that was applied, at which version. Some servers write values in another way than they came. */
  readonly #settled = new Map<string, string>()

  constructor(
    client: KubeClient,
    options: Partial<ApplierOptions> & Pick<ApplierOptions, 'onWrite'>,
  ) {
    this.#client = client
    this.#options = { ...applierDefaults, ...options }
  }

  /** Writes what differs; ends early when the signal aborts. Never throws. */
  async carryOut(part: string, wanted: Wanted, signal: AbortSignal): Promise<Outcome> {
    const { concurrency, now } = this.#options
    const before = this.#failures.get(part)
    const failures = new Map<string, Failure>()
    this.#failures.set(part, failures)
    const due: Write[] = []
    for (const write of this.#writesOf(wanted)) {
      const failure = before?.get(keyOfWrite(write))
      if (failure !== undefined) failures.set(keyOfWrite(write), failure)
      if (failure === undefined || failure.retryAtMs <= now()) due.push(write)
    }
    const all = due[Symbol.iterator]()
    const worker = async (): Promise<void> => {
      for (const write of all) {
        if (signal.aborted) return
        await this.#write(write, failures)
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, due.length) }, worker))
    const times = [...failures.values()].map(({ retryAtMs }) => retryAtMs)
    return {
      writeCount: due.length,
      failureCount: failures.size,
      ...(times.length === 0 ? {} : { retryAtMs: Math.min(...times) }),
    }
  }

  #writesOf(wanted: Wanted): readonly Write[] {
    return [
      ...(wanted.applies ?? []).flatMap((apply) => this.#applyWrite(apply)),
      ...(wanted.patches ?? []).flatMap((patch) => this.#patchWrite(patch)),
      ...(wanted.acts ?? []).map((act) => this.#actWrite(act)),
      ...(wanted.deletions ?? []).flatMap((deletion) => this.#deleteWrite(deletion)),
    ]
  }

  #applyWrite({ resource, object, current }: Apply): readonly Write[] {
    const what = `${resourceName(resource)} ${keyOf(object)}`
    const wanted = withAppliedHash(object)
    if (isApplied(wanted, current)) return []
    if (current !== undefined && this.#settled.get(what) === settledAs(wanted, current)) return []
    const { fieldManager } = this.#options
    const run = async (): Promise<void> => {
      const result = await this.#client.apply(resource, wanted, { fieldManager, force: true })
      this.#settled.set(what, settledAs(wanted, result))
    }
    return [{ verb: 'apply', what, run }]
  }

  #patchWrite({ resource, current, patch, subresource }: Patch): readonly Write[] {
    if (isSameJson(patched(current, patch), current)) return []
    const { resourceVersion } = current.metadata
    const metadata = { ...(patch.metadata as object | undefined), resourceVersion }
    const below = subresource === undefined ? '' : `/${subresource}`
    const what = `${resourceName(resource)}${below} ${keyOf(current)}`
    const options = {
      fieldManager: this.#options.fieldManager,
      ...(subresource === undefined ? {} : { subresource }),
    }
    const run = () =>
      this.#client.patch(resource, current.metadata, { ...patch, metadata }, options)
    return [{ verb: 'patch', what, run }]
  }

  #deleteWrite({ resource, current }: Deletion): readonly Write[] {
    const { uid, deletionTimestamp } = current.metadata
    if (deletionTimestamp !== undefined) return []
    const what = `${resourceName(resource)} ${keyOf(current)}`
    this.#settled.delete(what)
    const run = () =>
      this.#client.delete(resource, current.metadata, uid === undefined ? {} : { uid })
    return [{ verb: 'delete', what, run }]
  }

  #actWrite(act: Act): Write {
    return { verb: 'act', what: act.name, run: () => act.run(this.#client) }
  }

  async #write(write: Write, failures: Map<string, Failure>): Promise<void> {
    const { onWrite } = this.#options
    const key = keyOfWrite(write)
    try {
      await write.run()
      failures.delete(key)
      onWrite({ verb: write.verb, what: write.what, outcome: 'done', problem: '' })
    } catch (cause) {
      const isRace = cause instanceof KubeApiError && cause.isConflict
      const delayMs = this.#delayMs(failures.get(key)?.count ?? 0, cause)
      failures.set(key, {
        count: isRace ? 0 : (failures.get(key)?.count ?? 0) + 1,
        retryAtMs: this.#options.now() + delayMs,
      })
      const problem = cause instanceof Error ? cause.message : String(cause)
      const outcome = isRace ? 'conflict' : 'failed'
      onWrite({ verb: write.verb, what: write.what, outcome, problem })
    }
  }

  #delayMs(failureCount: number, cause: unknown): number {
    const { retryDelayMsMin, retryDelayMsMax } = this.#options
    const asked = cause instanceof KubeApiError ? (cause.retryAfterMs ?? 0) : 0
    const delayMs = retryDelayMsMin * 2 ** Math.min(failureCount, 16)
    return Math.min(retryDelayMsMax, Math.max(asked, delayMs))
  }
}

function keyOfWrite({ verb, what }: Write): string {
  return `${verb} ${what}`
}

function settledAs(wanted: ApiObject, result: ApiObject): string {
  return `${wanted.metadata.annotations?.[appliedAnnotation]} ${result.metadata.resourceVersion}`
}
