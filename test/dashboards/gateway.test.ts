import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseExpr, selectorsOf } from '../../src/promql/index.ts'

const folder = join(import.meta.dirname, '../../dashboards')

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

it('every expression of every dashboard parses and selects by a metric name', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  expect(files).toContain('gateway.json')
  for (const file of files) {
    const { panels } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        const parsed = parseExpr(expr.replaceAll('$__rate_interval', '5m'))
        for (const selector of selectorsOf(parsed))
          expect(selector.name, title).toMatch(/^[a-z_]+$/)
      }
    }
  }
})
