import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^pullback\/testing$/, replacement: source('./src/testing/index.ts') },
      { find: /^pullback$/, replacement: source('./src/index.ts') },
    ],
  },
  test: {
    setupFiles: ['./test/support/seed.ts'],
    include: ['test/**/*.test.ts', '.generated/tests/*.test.ts'],
    // With a configuration of their own.
    exclude: ['test/browser/**'],
    testTimeout: 60_000,
    coverage: {
      include: ['src/**'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 95 },
    },
  },
})
