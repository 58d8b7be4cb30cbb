import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Node 20 has relaxed SIMD behind a flag, later ones without: so both run the same tests. Devices without it are made in them. */
const relaxedSimd = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-wasm-relaxed-simd'] : []
/** On Node 24 and later, `PULLBACK_WIDE_VECTORS=1 npx vitest run test/backends` runs the same tests on vectors that V8 joins. */
const wideVectors = process.env['PULLBACK_WIDE_VECTORS'] === '1' ? ['--experimental-wasm-revectorize'] : []

export default defineConfig({
  resolve: {
    alias: [
      { find: /^pullback\/testing$/, replacement: source('./src/testing/index.ts') },
      { find: /^pullback\/eslint$/, replacement: source('./src/eslint/index.ts') },
      { find: /^pullback\/train$/, replacement: source('./src/train/index.ts') },
      { find: /^pullback\/interpret$/, replacement: source('./src/interpret/index.ts') },
      { find: /^pullback\/stablehlo$/, replacement: source('./src/stablehlo/index.ts') },
      { find: /^pullback\/onnx$/, replacement: source('./src/onnx/index.ts') },
      { find: /^pullback\/xla$/, replacement: source('./src/xla/index.ts') },
      { find: /^pullback\/tokenizers$/, replacement: source('./src/tokenizers/index.ts') },
      { find: /^pullback\/models$/, replacement: source('./src/models/index.ts') },
      { find: /^pullback\/io$/, replacement: source('./src/io/index.ts') },
      { find: /^pullback$/, replacement: source('./src/index.ts') },
    ],
  },
  test: {
    setupFiles: ['./test/support/seed.ts'],
    include: ['test/**/*.test.ts', '.generated/tests/*.test.ts'],
    // With a configuration of their own.
    exclude: ['test/browser/**'],
    execArgv: [...relaxedSimd, ...wideVectors],
    testTimeout: 60_000,
    coverage: {
      include: ['src/**'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 96 },
    },
  },
})
