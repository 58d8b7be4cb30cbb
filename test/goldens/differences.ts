/** Cases on which Pullback differs from JAX on purpose, each with its reason. */
export const differences: { readonly [name: string]: string } = {}
