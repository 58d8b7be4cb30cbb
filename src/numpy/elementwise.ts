/** `np`: the functions element by element, by one name for those of `np` that are made of them. */
export * from './arithmetic.ts'
export * from './comparison.ts'
export * from './exponential.ts'
export * from './trigonometric.ts'
