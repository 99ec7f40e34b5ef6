import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/e2e/**/*.test.ts'],
    // By hand: it needs a real API server, which KUBECONFIG names.
    exclude: process.env.KUBECONFIG === undefined ? ['test/e2e/hub-access.test.ts'] : [],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
})
