import { describe, expect, it } from 'vitest'
import {
  type ClusterScope,
  type Scope,
  scopeKey,
  sees,
  seesCluster,
} from '../../src/model/index.ts'

const scope: Scope = {
  clusters: new Map<string, ClusterScope>([
    ['east', 'all'],
    ['west', new Set(['shop', 'pay'])],
  ]),
}

describe('a scope', () => {
  it('shows listed clusters whole, or the namespaces listed', () => {
    expect(sees(scope, 'east', 'any')).toBe(true)
    expect(sees(scope, 'west', 'shop')).toBe(true)
    expect(sees(scope, 'west', 'kube-system')).toBe(false)
    expect(sees(scope, 'north', 'shop')).toBe(false)
  })

  it('shows what has no namespace only with the whole cluster, and what has no cluster to nobody limited', () => {
    expect(sees(scope, 'east', '')).toBe(true)
    expect(sees(scope, 'west', '')).toBe(false)
    expect(sees(scope, '', 'shop')).toBe(false)
    expect(sees('all', '', '')).toBe(true)
    expect(seesCluster(scope, 'west')).toBe(true)
    expect(seesCluster(scope, '')).toBe(false)
  })

  it('has a key that does not depend on order and differs where the scope does', () => {
    const same: Scope = {
      clusters: new Map<string, ClusterScope>([
        ['west', new Set(['pay', 'shop'])],
        ['east', 'all'],
      ]),
    }
    expect(scopeKey(same)).toBe(scopeKey(scope))
    expect(scopeKey({ clusters: new Map<string, ClusterScope>([['east', 'all']]) })).not.toBe(
      scopeKey(scope),
    )
    expect(scopeKey({ clusters: new Map<string, ClusterScope>([['*', 'all']]) })).not.toBe(
      scopeKey('all'),
    )
  })
})
