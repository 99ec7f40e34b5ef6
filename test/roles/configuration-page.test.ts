import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('docs/configuration.md says what the schema says', () => {
  const root = join(import.meta.dirname, '../..')
  const script = join(root, 'scripts/configuration-page.ts')
  const printed = execFileSync(process.execPath, [script], { encoding: 'utf8' })
  expect(readFileSync(join(root, 'docs/configuration.md'), 'utf8')).toBe(printed)
})
