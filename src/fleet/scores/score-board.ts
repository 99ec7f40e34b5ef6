// Scores of clusters that come from expressions, as AddOnPlacementScores: what each expression said last, joined by
// resource, valid for a while and no longer.
// Invariants: a score is a whole number from −100 to 100; an object is valid as long as the first of its scores; what an
// expression does not say any more is gone with its next answer.
// Units: Unix milliseconds.
// Source: facts/fleet.md §4 (AddOnPlacementScore); the API's bounds of values.

import type { KubeObject } from '../kube-object.ts'

/** One score that an expression gives to clusters. */
export interface ScoreDefinition {
  /** Name of the AddOnPlacementScores. */
  readonly resource: string
  /** Name of the score within them. */
  readonly name: string
  readonly tenant: string
  /** Its samples are the scores of the clusters that their label `cluster` names. */
  readonly expression: string
  readonly intervalMs: number
  readonly validForMs: number
}

/** One sample of an expression's answer. */
export interface ScoreSample {
  readonly labels: readonly { readonly name: string; readonly value: string }[]
  readonly value: number
  /** A histogram is no score. */
  readonly histogram: unknown
}

/** AddOnPlacementScores that are others than before, by `CLUSTER/RESOURCE`; undefined = gone. */
export type ScoreChanges = ReadonlyMap<string, KubeObject | undefined>

/** Changes that speak of a hub's clusters; what is gone is gone everywhere. */
export function scoresOfHub(
  changes: ScoreChanges,
  { clusters }: { readonly clusters: readonly { readonly name: string }[] },
): ScoreChanges {
  const names = new Set(clusters.map(({ name }) => name))
  return new Map(
    [...changes].filter(([key, object]) => object === undefined || names.has(clusterOf(key))),
  )
}

/** Changes as those of a source. */
export function scoreObjects(changes: ScoreChanges): {
  readonly upserts: readonly { readonly key: string; readonly object: KubeObject }[]
  readonly deletes: readonly string[]
} {
  const keyed = [...changes].map(([key, object]) => ({ key: `score of ${key}`, object }))
  return {
    upserts: keyed.flatMap(({ key, object }) => (object === undefined ? [] : [{ key, object }])),
    deletes: keyed.flatMap(({ key, object }) => (object === undefined ? [key] : [])),
  }
}

function clusterOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

interface Score {
  readonly value: number
  readonly validUntilMs: number
}

/** What expressions said last. */
export class ScoreBoard {
  /** By `CLUSTER/RESOURCE`, by name. */
  readonly #scores = new Map<string, Map<string, Score>>()

  /** Takes in an answer; says what changed, and what of the answer was no score. */
  take(
    { resource, name, validForMs }: ScoreDefinition,
    samples: readonly ScoreSample[],
    atMs: number,
  ): { readonly changes: ScoreChanges; readonly mistakes: readonly string[] } {
    const { values, mistakes } = valuesOf(samples)
    const touched = new Set<string>()
    for (const [key, scores] of this.#scores) {
      if (!key.endsWith(`/${resource}`)) continue
      if (scores.delete(name)) touched.add(key)
      for (const [other, { validUntilMs }] of scores)
        if (validUntilMs <= atMs && scores.delete(other)) touched.add(key)
    }
    for (const [cluster, value] of values) {
      const key = `${cluster}/${resource}`
      const scores = this.#scores.get(key) ?? new Map<string, Score>()
      scores.set(name, { value, validUntilMs: atMs + validForMs })
      this.#scores.set(key, scores)
      touched.add(key)
    }
    const changes = new Map<string, KubeObject | undefined>()
    for (const key of touched) changes.set(key, this.#objectOf(key))
    return { changes, mistakes }
  }

  #objectOf(key: string): KubeObject | undefined {
    const scores = this.#scores.get(key)!
    if (scores.size === 0) {
      this.#scores.delete(key)
      return undefined
    }
    const validUntilMs = Math.min(...[...scores.values()].map((score) => score.validUntilMs))
    return {
      apiVersion: 'cluster.open-cluster-management.io/v1alpha1',
      kind: 'AddOnPlacementScore',
      metadata: { namespace: clusterOf(key), name: key.slice(key.indexOf('/') + 1) },
      status: {
        scores: [...scores]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([score, { value }]) => ({ name: score, value })),
        validUntil: new Date(validUntilMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      },
    }
  }
}

const clusterPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function valuesOf(samples: readonly ScoreSample[]): {
  readonly values: ReadonlyMap<string, number>
  readonly mistakes: readonly string[]
} {
  const values = new Map<string, number>()
  const mistakes: string[] = []
  const ambiguous = new Set<string>()
  for (const { labels, value, histogram } of samples) {
    const cluster = labels.find((label) => label.name === 'cluster')?.value ?? ''
    const rounded = Math.round(value)
    if (!clusterPattern.test(cluster)) mistakes.push(`"${cluster}" is not the name of a cluster`)
    else if (histogram !== undefined) mistakes.push(`cluster ${cluster} has a histogram`)
    else if (!(rounded >= -100 && rounded <= 100))
      mistakes.push(`${value} of cluster ${cluster} is not between -100 and 100`)
    else if (values.has(cluster)) ambiguous.add(cluster)
    else values.set(cluster, rounded || 0)
  }
  for (const cluster of ambiguous) {
    values.delete(cluster)
    mistakes.push(`cluster ${cluster} has several samples`)
  }
  return { values, mistakes }
}
