import { describe, expect, it } from 'vitest'
import { standingsOf } from '../../../src/hub/signing/standings.ts'
import { addonOn, managedCluster } from './hub-objects.ts'

const addon = addonOn('west')

function standing(parts: Parameters<typeof managedCluster>[1], on = [addon]) {
  const addonOf = (cluster: string) => on.find(({ metadata }) => metadata.namespace === cluster)
  return standingsOf([managedCluster('west', parts)], addonOf).clusters[0]!
}

describe('a cluster of a hub', () => {
  it('may write once the hub accepts it and a placement selects it', () => {
    expect(standing({})).toEqual({
      cluster: 'west',
      clusterId: 'west',
      tenant: '',
      state: 'enrolled',
      reason: '',
      validFromMs: Date.parse('2026-01-01T00:00:00Z'),
      revokedSerials: [],
    })
    expect(standing({ annotations: { 'crowsnest.io/tenant': 'team-a' } }).tenant).toBe('team-a')
  })

  it('may not while it is not accepted, going, denied, without the addon, or about to lose it', () => {
    const deletionTimestamp = '2026-02-01T00:00:00Z'
    const reasonOf = (parts: Parameters<typeof standing>[0], on?: (typeof addon)[]) => {
      const { state, reason } = standing(parts, on)
      return `${state}: ${reason}`
    }
    expect(reasonOf({ accepted: false })).toBe('revoked: the hub does not accept it')
    expect(reasonOf({ deletionTimestamp })).toBe('revoked: it is being deleted from the hub')
    expect(reasonOf({ annotations: { 'crowsnest.io/denied': 'stolen key' } })).toBe(
      'revoked: stolen key',
    )
    expect(reasonOf({}, [])).toBe('revoked: no placement of the addon selects it')
    const going = { ...addon, metadata: { ...addon.metadata, deletionTimestamp } }
    expect(reasonOf({}, [going])).toBe('revoked: the addon is being taken from it')
  })

  it('has certificates from no time before it was created, or before what an operator set', () => {
    const later = '2026-03-01T00:00:00Z'
    const annotations = { 'crowsnest.io/certificates-from': later }
    expect(standing({ annotations }).validFromMs).toBe(Date.parse(later))
    expect(standing({ creationTimestamp: later }).validFromMs).toBe(Date.parse(later))
  })

  it('has the ID that it reports, unless that is the ID or the name of another', () => {
    const clusters = [
      managedCluster('east', { id: 'id-1', creationTimestamp: '2026-01-02T00:00:00Z' }),
      managedCluster('north', { id: 'west', creationTimestamp: '2025-01-01T00:00:00Z' }),
      managedCluster('west', { id: 'id-1', creationTimestamp: '2026-01-01T00:00:00Z' }),
    ]
    const { clusters: found, notes } = standingsOf(clusters, () => addon)
    expect(found.map(({ cluster, clusterId }) => [cluster, clusterId])).toEqual([
      ['east', 'east'],
      ['north', 'north'],
      ['west', 'id-1'],
    ])
    expect(notes.map(({ about, text }) => `${about}: ${text}`)).toEqual([
      'cluster north: it reports the ID west, which is that of west; clusterID is its name',
      'cluster east: it reports the ID id-1, which is that of west; clusterID is its name',
    ])
  })
})
