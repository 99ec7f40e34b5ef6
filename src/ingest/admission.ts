// Admission of a series on first sight: identity labels, relabelling, label limits, canonical form.
// Pure: a lane builds it from a plain config and asks it only where its fast lookup misses.

import type { Label, Labels } from '../model/index.ts'
import {
  compareUtf8,
  formatLabels,
  isWellFormed,
  metricNameLabel,
  sortLabels,
} from '../model/index.ts'
import type { Rejection, SenderIdentity } from '../storage/index.ts'
import type { AdmissionConfig, TenantLimits } from './limits.ts'
import { limitsOf } from './limits.ts'
import { compileRelabel, type Relabel, type RelabelRule } from './relabel.ts'

/** What becomes of a series: stored under these labels, dropped by a rule, or refused for a reason. */
export type Admitted =
  | { readonly labels: Labels }
  | { readonly dropped: true }
  | { readonly rejection: Rejection }

/** Decides about series. `sent` in any order, as decoded. */
export type Admission = (tenant: string, sender: SenderIdentity, sent: readonly Label[]) => Admitted

/** Told of each new series whose sender claimed another value for a label that its identity fixes. */
export type NoteForged = (sender: SenderIdentity) => void

/** Compiles an admission; tenants' rules are compiled at once, so that throwing UserError bad_config happens here. */
export function createAdmission(
  config: AdmissionConfig,
  noteForged: NoteForged = () => undefined,
): Admission {
  const common = relabelOf(config.relabel.default, 'relabel.default')
  const own = new Map<string, Relabel>(
    Object.entries(config.relabel.tenants).map(([tenant, rules]) => [
      tenant,
      relabelOf(rules, `relabel.tenants.${tenant}`),
    ]),
  )
  const limits = new Map(
    Object.keys(config.limits.tenants).map((tenant) => [tenant, limitsOf(config, tenant)]),
  )
  return (tenant, sender, sent) => {
    const rules = own.get(tenant) ?? common
    const bounds = limits.get(tenant) ?? config.limits.default
    if (rules === untouched && isPlain(sent, sender, bounds)) return { labels: sent }
    const fault = formFault(sent)
    if (fault !== undefined) return refused('invalid_labels', fault, sent, 'correct the sender')
    const labels = new Map<string, string>()
    for (const { name, value } of sent) if (value !== '') labels.set(name, value)
    if (claimsOther(labels, sender)) noteForged(sender)
    overrideWith(labels, sender)
    if (!rules(labels)) return { dropped: true }
    // Again: a rule may move or rewrite labels, and the identity's are nobody's to change.
    overrideWith(labels, sender)
    return canonical(labels, bounds, tenant)
  }
}

/**
 * The limits under which a tenant's series from a sender are stored as sent, if they are ASCII, sorted, none empty, with
 * a metric name; undefined where relabelling or the sender's identity may change them.
 */
export function plainBoundsOf(
  config: AdmissionConfig,
  tenant: string,
  sender: SenderIdentity,
): TenantLimits | undefined {
  const { relabel } = config
  const rules = Object.hasOwn(relabel.tenants, tenant) ? relabel.tenants[tenant] : undefined
  if ((rules ?? relabel.default).length > 0) return undefined
  for (const _label in sender.labels) return undefined
  return limitsOf(config, tenant)
}

const untouched: Relabel = () => true

function relabelOf(rules: readonly RelabelRule[], where: string): Relabel {
  return rules.length === 0 ? untouched : compileRelabel(rules, where)
}

// What nearly every series is: nothing to add, sorted already, within its limits however its text is encoded.
// Several times faster than the general way (bench/ingest/admission.bench.ts), which counts when many series are new.
function isPlain(sent: readonly Label[], sender: SenderIdentity, limits: TenantLimits): boolean {
  for (const _label in sender.labels) return false
  if (exceeds(sent.length, limits.labelCountMax)) return false
  let last = ''
  let named = false
  for (const { name, value } of sent) {
    if (value === '' || compareUtf8(name, last) <= 0) return false
    if (!isWellFormed(name) || !isWellFormed(value)) return false
    if (exceeds(name.length * 3, limits.labelNameSizeBytesMax)) return false
    if (exceeds(value.length * 3, limits.labelValueSizeBytesMax)) return false
    if (name === metricNameLabel) named = true
    last = name
  }
  return named
}

function claimsOther(labels: ReadonlyMap<string, string>, sender: SenderIdentity): boolean {
  return Object.entries(sender.labels).some(
    ([name, value]) => labels.has(name) && labels.get(name) !== value,
  )
}

function overrideWith(labels: Map<string, string>, sender: SenderIdentity): void {
  for (const [name, value] of Object.entries(sender.labels)) {
    if (value === '') labels.delete(name)
    else labels.set(name, value)
  }
}

function formFault(sent: readonly Label[]): string | undefined {
  const seen = new Set<string>()
  for (const { name, value } of sent) {
    if (name === '') return 'a label has no name'
    if (!isWellFormed(name) || !isWellFormed(value)) return `label "${name}" is not valid UTF-8`
    if (seen.has(name)) return `label "${name}" appears twice`
    seen.add(name)
  }
  return undefined
}

function canonical(
  labels: ReadonlyMap<string, string>,
  limits: TenantLimits,
  tenant: string,
): Admitted {
  const sorted = sortLabels([...labels].map(([name, value]) => ({ name, value })))
  if (!labels.has(metricNameLabel)) {
    return refused('invalid_labels', 'the series has no metric name', sorted, 'set __name__')
  }
  const excess = labelExcess(sorted, limits)
  if (excess === undefined) return { labels: sorted }
  return refused('limit', excess.what, sorted, `${excess.fix} of tenant ${tenant}`)
}

function labelExcess(
  labels: Labels,
  limits: TenantLimits,
): { readonly what: string; readonly fix: string } | undefined {
  if (exceeds(labels.length, limits.labelCountMax)) {
    return {
      what: `the series has ${labels.length} labels, more than ${limits.labelCountMax}`,
      fix: 'drop labels, or raise limits.labelsPerSeries',
    }
  }
  for (const { name, value } of labels) {
    const nameSize = exceeds(name.length * 3, limits.labelNameSizeBytesMax)
      ? Buffer.byteLength(name)
      : 0
    if (exceeds(nameSize, limits.labelNameSizeBytesMax)) {
      return {
        what: `a label name has ${nameSize} bytes, more than ${limits.labelNameSizeBytesMax}`,
        fix: 'shorten it, or raise limits.labelNameSize',
      }
    }
    const valueSize = exceeds(value.length * 3, limits.labelValueSizeBytesMax)
      ? Buffer.byteLength(value)
      : 0
    if (exceeds(valueSize, limits.labelValueSizeBytesMax)) {
      return {
        what: `the value of label "${name}" has ${valueSize} bytes, more than ${limits.labelValueSizeBytesMax}`,
        fix: 'shorten it, or raise limits.labelValueSize',
      }
    }
  }
  return undefined
}

function exceeds(size: number, max: number): boolean {
  return max !== 0 && size > max
}

const shownLengthMax = 300

function refused(
  kind: Rejection['kind'],
  what: string,
  labels: readonly Label[],
  fix: string,
): Admitted {
  const series = formatLabels(labels)
  const shown = series.length > shownLengthMax ? `${series.slice(0, shownLengthMax)}…` : series
  return { rejection: { kind, message: `${what} (series ${shown}); ${fix}` } }
}
