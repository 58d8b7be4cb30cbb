/** `np`: the elementwise functions in one module, for the functions of `np` that use them. */
export * from './arithmetic.ts'
export * from './comparison.ts'
export * from './exponential.ts'
export * from './trigonometric.ts'
