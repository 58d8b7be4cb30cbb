/**
 * A plugin for ESLint 9 and later with the parser of typescript-eslint 8 and later. Needs neither package itself.
 *
 * @module pullback/eslint
 */
import { noArrayInCondition } from './noArrayInCondition.ts'
import type { Rule } from './types.ts'

export type { Rule } from './types.ts'

/** Rules by their names. */
export interface Rules {
  readonly meta: { readonly name: string }
  readonly rules: { readonly [name: string]: Rule }
}

/** A configuration for `eslint.config.js`. */
export interface Config {
  readonly name: string
  readonly plugins: { readonly pullback: Rules }
  readonly rules: { readonly 'pullback/no-array-in-condition': 'error' }
}

/** The plugin. */
export interface Plugin extends Rules {
  readonly configs: { readonly recommended: Config }
}

const own: Rules = { meta: { name: 'pullback' }, rules: { 'no-array-in-condition': noArrayInCondition } }

/** The plugin object, for `plugins` of a configuration. */
const plugin: Plugin = {
  ...own,
  configs: {
    recommended: {
      name: 'pullback/recommended',
      plugins: { pullback: own },
      rules: { 'pullback/no-array-in-condition': 'error' },
    },
  },
}

/** Configurations by their names: `recommended` has all rules on. */
export const configs: Plugin['configs'] = plugin.configs

/** Rules by their names. */
export const rules: Plugin['rules'] = plugin.rules

export default plugin
