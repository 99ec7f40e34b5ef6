import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: here('.'),
  resolve: { alias: { '@grafana/assistant': here('./assistant.ts') } },
  test: {
    environment: 'jsdom',
    pool: 'forks',
    include: ['*.test.ts'],
    setupFiles: ['./browser.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    server: { deps: { inline: [/@grafana/, /uplot/] } },
  },
})
