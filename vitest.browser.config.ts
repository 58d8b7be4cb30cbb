import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** `npm run test:browser`: needs Chromium, so that `npm test` does without these. */
export default defineConfig({
  ...base,
  test: { include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 },
})
