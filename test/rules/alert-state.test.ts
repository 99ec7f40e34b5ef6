// Alert states by transcripts: one letter per evaluation, a minute apart.
// Input: x the expression has the series, . it has not. States: - none, p pending, f firing, r resolved.
import { describe, expect, it } from 'vitest'
import { labelsOf } from '../../src/model/index.ts'
import {
  type Alert,
  type AlertTiming,
  restoreAlert,
  stepAlerts,
  takeDueAlerts,
} from '../../src/rules/index.ts'

const minuteMs = 60_000
const found = new Map([['a', { labels: labelsOf({ alertname: 'A' }), annotations: {}, value: 1 }]])
const letters = { pending: 'p', firing: 'f', inactive: 'r' } as const
const sendTiming = { resendDelayMs: minuteMs, intervalMs: minuteMs }

function transcript(
  input: string,
  timing: Partial<AlertTiming>,
): { states: string; sent: string; last: Alert | undefined } {
  let alerts: ReadonlyMap<string, Alert> = new Map()
  let states = ''
  let sent = ''
  ;[...input].forEach((letter, minute) => {
    const timeMs = (minute + 1) * minuteMs
    const now = letter === 'x' ? found : new Map()
    const complete = { forMs: 0, keepFiringForMs: 0, ...timing }
    const taken = takeDueAlerts(stepAlerts(alerts, now, timeMs, complete), timeMs, sendTiming)
    alerts = taken.alerts
    const alert = alerts.get('a')
    states += alert === undefined ? '-' : letters[alert.state]
    sent += taken.due.length > 0 ? 's' : ' '
  })
  return { states, sent, last: alerts.get('a') }
}

describe('alert states', () => {
  it('fire at once without a for', () => {
    expect(transcript('.xx.', {}).states).toBe('-ffr')
  })

  it('wait in pending until the for has passed', () => {
    expect(transcript('xxxx', { forMs: 2 * minuteMs }).states).toBe('ppff')
  })

  it('forget a pending alert that is gone, and begin anew when it comes back', () => {
    expect(transcript('xx.xxx', { forMs: 2 * minuteMs }).states).toBe('pp-ppf')
  })

  it('keep firing for a while after the series is gone', () => {
    expect(transcript('x.....', { keepFiringForMs: 3 * minuteMs }).states).toBe('ffffrr')
  })

  it('begin the keeping anew when the series comes back', () => {
    expect(transcript('x..x...', { keepFiringForMs: 2 * minuteMs }).states).toBe('ffffffr')
  })

  it('make a new alert of one that was resolved', () => {
    const { states, last } = transcript('x..x', { forMs: 0 })
    expect(states).toBe('frrf')
    expect(last?.activeAtMs).toBe(4 * minuteMs)
  })

  it('remember a resolved alert for fifteen minutes', () => {
    expect(transcript(`x${'.'.repeat(18)}`, {}).states).toBe(`f${'r'.repeat(16)}--`)
  })

  it('go back to pending when the for has grown', () => {
    const alerts = stepAlerts(new Map(), found, minuteMs, { forMs: 0, keepFiringForMs: 0 })
    const grown = { forMs: 5 * minuteMs, keepFiringForMs: 0 }
    expect(stepAlerts(alerts, found, 2 * minuteMs, grown).get('a')).toMatchObject({
      state: 'pending',
      firedAtMs: 0,
      lastSentAtMs: -Infinity,
    })
  })

  it('are sent when firing, again after more than the delay, and at once when resolved', () => {
    expect(transcript('xxxxx..', {}).sent).toBe('s s ss ')
    expect(transcript('xx', { forMs: 10 * minuteMs }).sent).toBe('  ')
  })

  it('say until when they hold', () => {
    const alerts = stepAlerts(new Map(), found, minuteMs, { forMs: 0, keepFiringForMs: 0 })
    const { due } = takeDueAlerts(alerts, minuteMs, sendTiming)
    expect(due).toMatchObject([{ startsAtMs: minuteMs, endsAtMs: 5 * minuteMs }])
  })

  it('get the age back that they had before an outage', () => {
    const alert = [
      ...stepAlerts(new Map(), found, 0, { forMs: 0, keepFiringForMs: 0 }).values(),
    ][0]!
    const forMs = 60 * minuteMs
    const nowMs = 100 * minuteMs
    const activeAt = (activeAtMs: number, timestampMs: number): number =>
      restoreAlert(alert, { activeAtMs, timestampMs }, nowMs, forMs).activeAtMs / minuteMs
    // Held for 70 of 60 minutes: fires at the next evaluation.
    expect(activeAt(10 * minuteMs, 80 * minuteMs)).toBe(10)
    // 5 minutes remained: it gets the grace period of 10.
    expect(activeAt(25 * minuteMs, 80 * minuteMs)).toBe(50)
    // 30 minutes remained: the outage of 20 does not count.
    expect(activeAt(50 * minuteMs, 80 * minuteMs)).toBe(70)
  })
})
