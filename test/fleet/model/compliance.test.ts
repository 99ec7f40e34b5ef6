import { describe, expect, it } from 'vitest'
import {
  complianceOfClusters,
  complianceOfMessage,
  complianceOfReplicated,
  complianceOfSet,
} from '../../../src/fleet/model/compliance.ts'

const detail = (
  compliance: 'compliant' | 'non_compliant' | 'pending' | 'no_status',
): Parameters<typeof complianceOfReplicated>[0][number] => ({
  template: 't',
  compliance,
  history: [],
})

describe('compliance', () => {
  it.each([
    ['Compliant; notification', 'compliant'],
    ['COMPLIANT', 'compliant'],
    ['(combined from similar events): Compliant; x', 'compliant'],
    ['pending: waits for a dependency', 'pending'],
    ['NonCompliant; violation', 'non_compliant'],
    ['template error: no such function', 'non_compliant'],
    ['', 'non_compliant'],
  ])('of the message "%s" is %s', (message, compliance) =>
    expect(complianceOfMessage(message)).toBe(compliance),
  )

  it('of a replicated policy is the worst of its details, and the previous one where a detail says nothing', () => {
    expect(complianceOfReplicated([detail('pending'), detail('non_compliant')], 'compliant')).toBe(
      'non_compliant',
    )
    expect(complianceOfReplicated([detail('compliant'), detail('pending')], 'compliant')).toBe(
      'pending',
    )
    expect(complianceOfReplicated([detail('compliant'), detail('no_status')], 'pending')).toBe(
      'pending',
    )
    expect(complianceOfReplicated([detail('compliant')], 'non_compliant')).toBe('compliant')
    expect(complianceOfReplicated([], 'no_status')).toBe('compliant')
  })

  it('over clusters is no status where one says nothing and none is worse, or where there are none', () => {
    expect(complianceOfClusters([])).toBe('no_status')
    expect(complianceOfClusters(['compliant', 'no_status'])).toBe('no_status')
    expect(complianceOfClusters(['pending', 'no_status'])).toBe('pending')
    expect(complianceOfClusters(['no_status', 'pending', 'non_compliant'])).toBe('non_compliant')
    expect(complianceOfClusters(['compliant', 'compliant'])).toBe('compliant')
  })

  it('of a set is no status as soon as one enabled member has none; disabled and missing do not count', () => {
    const of = (
      ...members: Parameters<typeof complianceOfSet>[0][number]['compliance'][]
    ): string =>
      complianceOfSet(members.map((compliance, i) => ({ name: `p${i}`, compliance }))).compliance
    expect(of()).toBe('no_status')
    expect(of('non_compliant', 'no_status')).toBe('no_status')
    expect(of('non_compliant', 'pending', 'disabled')).toBe('non_compliant')
    expect(of('compliant', 'pending', undefined)).toBe('pending')
    expect(of('compliant', 'disabled', undefined)).toBe('compliant')
    expect(of('disabled', undefined)).toBe('no_status')
  })
})
