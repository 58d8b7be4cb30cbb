import js from '@eslint/js'
import { tsImport } from 'tsx/esm/api'
import tseslint from 'typescript-eslint'

// The package's own rule, from its source.
const { configs: pullback } = await tsImport('./src/eslint/index.ts', import.meta.url)

export default tseslint.config(
  // bench/ has dependencies of its own, without which its types are unknown.
  { ignores: ['dist', 'coverage', '.generated', 'examples/output', 'bench', '.data', '.models', '.engines'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  pullback.recommended,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
      // An index that a loop or a check has proved to be in range: noUncheckedIndexedAccess cannot see it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Arrays, dtypes, avals and programs have a toString that messages are meant to use.
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      // Names in recorded data and in options of other libraries are reached by string.
      '@typescript-eslint/dot-notation': 'off',
      // A mapped type over an interface's keys needs the index signature that Record hides.
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      // Type parameters that appear once tie a callback's type to the caller's.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Guards against what JavaScript callers hand over look unnecessary to the types.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // The two halves of `x instanceof C ? f(x) : ...` meet in one cast where a class stands for a trace's own values.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Operations' records are plain functions in method syntax; none of them knows a this.
      '@typescript-eslint/unbound-method': 'off',
      // What an operation without parameters has.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      // Overloads document each form.
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: ['scripts/**', 'examples/**'],
    rules: { 'no-console': 'off' },
  },
  {
    // The types of linkedom and of Observable Plot are in terms of the DOM's, which the project does without.
    files: ['examples/support/plot.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  { files: ['**/*.js'], rules: { 'pullback/no-array-in-condition': 'off' } },
)
