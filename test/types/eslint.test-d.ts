/** The plugin fits where ESLint takes plugins. Checked by `npm run types`; nothing here runs. */
import type { Linter } from 'eslint'
import { defineConfig } from 'eslint/config'
import pullback from 'pullback/eslint'

export const plain: Linter.Config[] = [pullback.configs.recommended]
export const defined = defineConfig({ files: ['**/*.ts'], extends: [pullback.configs.recommended] })
