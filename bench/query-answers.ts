// Asking a query, and comparing two answers: rows by labels, values within what the order of a sum can change.

import type { BenchQuery } from './query-list.ts'

/** An answer as sent. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks one server; `endMs` is the end of the data. */
export async function ask(
  url: string,
  query: BenchQuery,
  endMs: number,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const end = endMs / 1000
  const form = new URLSearchParams(more)
  let path = query.path ?? '/api/v1/query'
  for (const [name, value] of Object.entries(query.form ?? {})) form.set(name, value)
  if (query.expr !== undefined) form.set('query', query.expr)
  if (query.rangeSeconds !== undefined) {
    path = '/api/v1/query_range'
    form.set('start', String(end - query.rangeSeconds))
    form.set('step', String(query.stepSeconds))
  } else if (query.path !== undefined) form.set('start', String(end - 86_400))
  else form.set('time', String(end))
  if (query.rangeSeconds !== undefined || query.path !== undefined) form.set('end', String(end))
  const listing = path.startsWith('/api/v1/label/')
  const response = await (listing
    ? fetch(`${url}${path}?${form}`)
    : fetch(url + path, { method: 'POST', body: form }))
  return { status: response.status, text: await response.text() }
}

interface Row {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

/** How two answers differ, in a few words; undefined when they agree. */
export function difference(query: BenchQuery, ours: Answer, theirs: Answer): string | undefined {
  if (ours.status !== 200 || theirs.status !== 200) {
    return `status ${ours.status} against ${theirs.status}: ${(ours.status === 200 ? theirs : ours).text.slice(0, 200)}`
  }
  const [a, b] = [dataOf(ours), dataOf(theirs)]
  if (query.path !== undefined) {
    const sorted = (list: unknown): string[] => (list as unknown[]).map(canonical).sort()
    const [left, right] = [sorted(a), sorted(b)]
    const at = left.findIndex((item, i) => item !== right[i])
    if (left.length !== right.length) return `${left.length} items against ${right.length}`
    return at < 0 ? undefined : `${left[at]} against ${right[at]}`
  }
  return differentRows(query, rowsOf(a), rowsOf(b))
}

/** How many rows an answer has. */
export function rowCount(query: BenchQuery, answer: Answer): number {
  if (answer.status !== 200) return 0
  const data = dataOf(answer)
  return query.path === undefined ? rowsOf(data).length : (data as unknown[]).length
}

function dataOf(answer: Answer): unknown {
  return (JSON.parse(answer.text) as { data: unknown }).data
}

function rowsOf(data: unknown): Row[] {
  const { result } = data as { result: unknown }
  return result as Row[]
}

function canonical(item: unknown): string {
  if (typeof item !== 'object' || item === null) return String(item)
  return JSON.stringify(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function differentRows(query: BenchQuery, ours: Row[], theirs: Row[]): string | undefined {
  if (ours.length !== theirs.length) return `${ours.length} rows against ${theirs.length}`
  if (query.ties === true) {
    const values = (rows: Row[]) => rows.map(({ value }) => Number(value![1])).sort((a, b) => a - b)
    const right = values(theirs)
    const at = values(ours).findIndex((value, i) => !near(value, right[i]!))
    return at < 0 ? undefined : `value ${at} of the sorted ones`
  }
  const known = new Map(theirs.map((row) => [canonical(row.metric), row]))
  for (const row of ours) {
    const key = canonical(row.metric)
    const other = known.get(key)
    if (other === undefined) return `only ours has ${key}`
    const [a, b] = [row.values ?? [row.value!], other.values ?? [other.value!]]
    if (a.length !== b.length) return `${key}: ${a.length} points against ${b.length}`
    for (let i = 0; i < a.length; i++) {
      const same = a[i]![0] === b[i]![0] && near(Number(a[i]![1]), Number(b[i]![1]))
      if (!same) return `${key}: ${a[i]!.join(' ')} against ${b[i]!.join(' ')}`
    }
  }
  return undefined
}

// Sums over many series round differently with their order; deriv and predict_linear amplify it.
function near(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  return Math.abs(a - b) <= 1e-8 * Math.max(Math.abs(a), Math.abs(b), 1e-6)
}
