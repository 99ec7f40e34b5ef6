// The demo: the same every time, always something to see, and read by the same readers as a hub.
import { describe, expect, it } from 'vitest'
import {
  assembleHub,
  demoAt,
  demoClusters,
  demoFamilies,
  demoManifests,
  demoSamples,
  type Fleet,
  readObject,
  transitionsBetween,
} from '../../../src/fleet/index.ts'
import { parseManifests } from '../../../src/fleet/source/manifest-file.ts'

const pace = { seed: 1, beatMs: 60_000 }
const noon = Date.parse('2026-03-01T12:00:00Z')

const known = new Map<number, Fleet>()

function fleetAt(nowMs: number): Fleet {
  const fleet = known.get(nowMs) ?? readFleet(nowMs)
  known.set(nowMs, fleet)
  return fleet
}

function readFleet(nowMs: number): Fleet {
  const parts = [...demoManifests(demoAt(pace, nowMs))].flatMap(([name, text]) => {
    const parsed = parseManifests(text)
    if ('mistake' in parsed) throw new Error(`${name}: ${parsed.mistake}`)
    return parsed.objects.flatMap((object) => readObject(object) ?? [])
  })
  return assembleHub(
    { hub: 'demo', parts, embedded: new Map() },
    { nowMs, lastSampleMs: new Map(), senders: new Set(), sampleAgeMsMax: 60_000 },
  )
}

const hour = Array.from({ length: 60 }, (_, beat) => noon + beat * pace.beatMs)

describe('the demo', () => {
  it('has twelve clusters, and something in every list', () => {
    const fleet = fleetAt(noon)
    expect(fleet.clusters.map(({ name }) => name).sort()).toEqual(
      demoClusters.map(({ name }) => name).sort(),
    )
    expect(demoClusters.length).toBe(12)
    expect(fleet.sets.map(({ name }) => name)).toEqual(['edge', 'prod', 'staging'])
    for (const list of ['placements', 'addons', 'policies', 'policySets', 'applications'] as const)
      expect(fleet[list].length, list).toBeGreaterThan(0)
    const kinds = new Set(fleet.applications.map(({ kind }) => kind))
    expect(kinds.size).toBe(5)
  })

  it('is the same for one seed and time, and another for others', () => {
    const textOf = (seed: number, nowMs: number): string =>
      [...demoManifests(demoAt({ ...pace, seed }, nowMs)).values()].join('')
    expect(textOf(1, noon)).toBe(textOf(1, noon))
    expect(textOf(2, noon)).not.toBe(textOf(1, noon))
    expect(textOf(1, noon + 3_600_000)).not.toBe(textOf(1, noon))
  })

  it('shows every state of things within an hour', () => {
    const clusters = new Set<string>()
    const policies = new Set<string>()
    const placements = new Set<string>()
    const applications = new Set<string>()
    for (const nowMs of hour) {
      const fleet = fleetAt(nowMs)
      for (const { status } of fleet.clusters) clusters.add(status.state)
      for (const { compliance } of fleet.policies) policies.add(compliance)
      for (const policy of fleet.policies)
        for (const { compliance } of policy.clusters) policies.add(compliance)
      for (const { status } of fleet.placements) placements.add(status.state)
      for (const { state } of fleet.applications) applications.add(state)
    }
    expect([...clusters].sort()).toEqual(['available', 'not_joined', 'unavailable', 'unreachable'])
    for (const state of ['compliant', 'non_compliant', 'pending', 'disabled'])
      expect(policies, state).toContain(state)
    for (const state of ['satisfied', 'not_satisfied', 'misconfigured'])
      expect(placements, state).toContain(state)
    for (const state of ['healthy', 'progressing', 'failed', 'pending'])
      expect(applications, state).toContain(state)
  })

  it('lets something happen in every beat or two', () => {
    let before = fleetAt(hour[0]!)
    let quiet = 0
    for (const nowMs of hour.slice(1)) {
      const after = fleetAt(nowMs)
      quiet = transitionsBetween(before, after).length === 0 ? quiet + 1 : 0
      expect(quiet).toBeLessThan(3)
      before = after
    }
  })

  it('says since when a state is, and never a time to come', () => {
    for (const nowMs of hour) {
      const course = demoAt(pace, nowMs)
      for (const cluster of demoClusters) {
        const { state, sinceMs } = course.cluster(cluster)
        expect(sinceMs).toBeLessThanOrEqual(nowMs)
        if (state !== 'not_joined') expect(demoAt(pace, sinceMs).cluster(cluster).state).toBe(state)
      }
    }
  })
})

describe('what its clusters send', () => {
  const key = (labels: Readonly<Record<string, string>>): string => JSON.stringify(labels)

  it('is of known families, and each series is there once', () => {
    const families = demoFamilies.map(({ name }) => name)
    const samples = demoSamples(pace, demoClusters[0]!, noon)
    expect(samples.length).toBeGreaterThan(100)
    expect(new Set(samples.map(({ labels }) => key(labels))).size).toBe(samples.length)
    for (const { labels, value } of samples) {
      expect(families).toContain(labels.__name__!.replace(/_(bucket|sum|count)$/, ''))
      expect(Number.isFinite(value)).toBe(true)
    }
  })

  it('is nothing while a cluster cannot be reached, or has not joined', () => {
    let silent = 0
    for (const nowMs of hour) {
      for (const cluster of demoClusters) {
        const { state } = demoAt(pace, nowMs).cluster(cluster)
        const count = demoSamples(pace, cluster, nowMs).length
        expect(count === 0).toBe(state === 'unreachable' || state === 'not_joined')
        if (state === 'unreachable') silent++
      }
    }
    expect(silent).toBeGreaterThan(0)
  })

  it('never falls where it counts', () => {
    const before = new Map<string, number>()
    for (let nowMs = noon; nowMs < noon + 7_200_000; nowMs += 15_000) {
      for (const { labels, value } of demoSamples(pace, demoClusters[2]!, nowMs)) {
        if (!/_(total|bucket|sum|count)$/.test(labels.__name__!)) continue
        expect(value, key(labels)).toBeGreaterThanOrEqual(before.get(key(labels)) ?? 0)
        before.set(key(labels), value)
      }
    }
    expect(before.size).toBeGreaterThan(50)
  })
})
