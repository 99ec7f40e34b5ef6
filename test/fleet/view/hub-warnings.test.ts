// What answers say of hubs that are not known as they are.

import { describe, expect, it } from 'vitest'
import { FleetAnswers, type FleetCall, type FleetView } from '../../../src/fleet/index.ts'
import type { ClusterScope } from '../../../src/model/index.ts'
import { listCall, objectCall, viewOf } from './view-of.ts'

const whole = viewOf()
const [local] = whole.sources
const away = {
  ...local!,
  name: 'away',
  state: 'failing',
  message: 'https://10.0.0.1 refuses',
} as const
const opening: FleetView = { ...whole, sources: [local!, away], unread: new Set(['away']) }
const failing: FleetView = { ...opening, unread: new Set() }

function told(view: FleetView, call: FleetCall) {
  const { body, etag } = new FleetAnswers().answer(view, call)
  return { ...JSON.parse(Buffer.from(body).toString()), etag }
}

describe('an answer about several hubs', () => {
  it('says which of them has not been read yet, and that nothing of it is shown', () => {
    const { warnings, etag } = told(opening, listCall)
    expect(warnings).toEqual([
      'hub away has not been read yet, nothing of it is shown: https://10.0.0.1 refuses',
    ])
    expect(etag).not.toBe(told(whole, listCall).etag)
    expect(told(opening, { kind: 'summary', scope: 'all', filter: {} }).warnings).toHaveLength(1)
  })

  it('says which of them cannot be read any more', () => {
    expect(told(failing, listCall).warnings).toEqual([
      'hub away cannot be read, what is shown may be old: https://10.0.0.1 refuses',
    ])
    const scope = { clusters: new Map<string, ClusterScope>([['prod-eu-1', 'all']]) }
    expect(told(failing, { ...listCall, scope }).warnings).toEqual([
      'hub away cannot be read, what is shown may be old',
    ])
  })

  it('says nothing where all is known, or where another hub is asked for', () => {
    expect(told(whole, listCall).warnings).toBeUndefined()
    expect(told(opening, { ...listCall, filter: { hub: ['local'] } }).warnings).toBeUndefined()
  })
})

describe('one thing that is not there', () => {
  const one = { ...objectCall, name: 'no-such-cluster' }
  const explained = { kind: 'explain', scope: 'all', namespace: 'apps', name: 'none' } as const

  it('is not said to be missing while a hub has not been read', () => {
    expect(() => told(opening, one)).toThrow(/yet: hub away has not been read; ask again/)
    expect(() => told(opening, explained)).toThrow(/yet: hub away has not been read/)
  })

  it('is missing where all hubs, or those that are asked, have been read', () => {
    expect(() => told(failing, one)).toThrow(/there is no "no-such-cluster" among the clusters;/)
    const filter = { hub: ['local'] }
    expect(() => told(opening, { ...one, filter })).toThrow(/there is no "no-such-cluster"/)
    expect(() => told(opening, { ...explained, hub: 'local' })).toThrow(/hub local/)
  })
})
