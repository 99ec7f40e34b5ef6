// Decisions that are ours, on disk: what was decided stays decided over restarts, so that Steady has something to be
// steady about and a misconfigured placement keeps its clusters.
// Here: one file per hub, a list of PlacementDecisions as a hub would hold them. Format: docs/formats/decisions.md.
// Invariants: a file is replaced as a whole or not at all; when `save` has resolved, it survives the loss of power.

import { join } from 'node:path'
import { CorruptionError } from '../../model/index.ts'
import { listOf, namespaceOf, textOf } from '../kube-object.ts'
import type { Decided } from '../model/placements.ts'
import { parseJsonFile, readFileIfThere, replaceFile } from '../whole-file.ts'
import type { KeptDecision } from './decide.ts'
import { type DecisionObject, decisionObjects } from './decision-groups.ts'

const group = 'cluster.open-cluster-management.io'
const placementLabel = `${group}/placement`

/** What is decided now: clusters by `NS/NAME`, and the decisions behind them where they were made just now. */
export interface HubDecisions {
  readonly decided: Decided
  readonly decisions: ReadonlyMap<string, KeptDecision>
}

/** The decisions of all embedded hubs, in one folder. */
export class DecisionStore {
  readonly #directory: string
  /** Objects by `NS/NAME` of their placement, by hub. */
  readonly #objects = new Map<string, Map<string, readonly DecisionObject[]>>()
  readonly #written = new Map<string, string>()
  #last: Promise<void> = Promise.resolve()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** What was decided for a hub; empty where nothing was. Throws CorruptionError. */
  async load(hub: string): Promise<Decided> {
    const path = this.#pathOf(hub)
    const text = await readFileIfThere(path)
    if (text === undefined) return new Map()
    const objects = readList(path, text)
    this.#objects.set(
      hub,
      Map.groupBy(objects, ({ namespace, labels }) => `${namespace}/${labels[placementLabel]}`),
    )
    this.#written.set(hub, text)
    return decidedBy(this.#objects.get(hub)!)
  }

  /** Makes a hub's decisions durable, one save after the other; resolves at once where nothing changed. */
  save(hub: string, { decided, decisions }: HubDecisions): Promise<void> {
    const before = this.#objects.get(hub)
    const objects = new Map<string, readonly DecisionObject[]>()
    for (const [key, clusters] of decided) {
      const decision = decisions.get(key)
      const isNew = decision?.outcome === 'decided'
      objects.set(key, isNew ? decision.objects : (before?.get(key) ?? plainObjects(key, clusters)))
    }
    this.#objects.set(hub, objects)
    this.#last = this.#last.catch(() => undefined).then(() => this.#write(hub, objects))
    return this.#last
  }

  async #write(
    hub: string,
    objects: ReadonlyMap<string, readonly DecisionObject[]>,
  ): Promise<void> {
    const ordered = [...objects].sort(([a], [b]) => (a < b ? -1 : 1))
    const items = ordered.flatMap(([, own]) => own.map(manifestOf))
    const text = `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 1)}\n`
    if (text === this.#written.get(hub)) return
    await replaceFile(this.#pathOf(hub), text)
    this.#written.set(hub, text)
  }

  #pathOf(hub: string): string {
    return join(this.#directory, `${encodeURIComponent(hub)}.json`)
  }
}

function manifestOf({ namespace, name, labels, clusters }: DecisionObject): object {
  return {
    apiVersion: `${group}/v1beta1`,
    kind: 'PlacementDecision',
    metadata: { namespace, name, labels },
    status: { decisions: clusters.map((clusterName) => ({ clusterName, reason: '' })) },
  }
}

function readList(path: string, text: string): readonly DecisionObject[] {
  const list = parseJsonFile(path, text)
  return listOf(list, 'items').map((item, index) => {
    const labels = Object.fromEntries(
      ['placement', 'decision-group-name', 'decision-group-index'].map((label) => {
        const name = `${group}/${label}`
        return [name, textOf(item, 'metadata', 'labels', name)]
      }),
    )
    if (labels[placementLabel] === '') {
      const expected = `item ${index} with label ${placementLabel}`
      throw new CorruptionError({ file: path, offset: 0, expected, found: 'no such label' })
    }
    return {
      namespace: namespaceOf(item),
      name: textOf(item, 'metadata', 'name'),
      labels,
      clusters: listOf(item, 'status', 'decisions').map((one) => textOf(one, 'clusterName')),
    }
  })
}

function decidedBy(objects: ReadonlyMap<string, readonly DecisionObject[]>): Decided {
  return new Map(
    [...objects].map(([key, own]) => [key, own.flatMap(({ clusters }) => clusters).sort()]),
  )
}

// Decisions that were taken over without their groups stand in one group without a name.
function plainObjects(key: string, clusters: readonly string[]): readonly DecisionObject[] {
  const [namespace = '', name = ''] = key.split('/')
  return decisionObjects({ namespace, name }, [{ name: '', clusters }]).objects
}
