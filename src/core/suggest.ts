/** Suggests a known name for an unknown one. */

/** Names of the same thing in other libraries; the first known one is suggested. */
const synonyms: { readonly [name: string]: readonly string[] } = {
  dim: ['axis', 'axes'],
  dims: ['axis', 'axes'],
  axes: ['axis'],
  axis: ['axes'],
  keepdim: ['keepdims'],
  size: ['shape', 'size'],
  type: ['dtype'],
  preferredelementtype: ['dtype'],
  lr: ['learningRate'],
  wd: ['weightDecay'],
  l2: ['weightDecay'],
  decay: ['decayRate', 'decay'],
  beta1: ['b1'],
  beta2: ['b2'],
  betas: ['b1'],
  epsilon: ['eps'],
  low: ['minval'],
  high: ['maxval'],
  min: ['minval'],
  max: ['maxval'],
  stride: ['strides', 'windowStrides'],
  strides: ['windowStrides'],
  dilation: ['rhsDilation'],
  groups: ['featureGroupCount'],
  bias: ['useBias'],
  causal: ['isCausal'],
  ord: ['ord'],
  n: ['length'],
  maxiter: ['maxSteps'],
  maxiterations: ['maxSteps'],
  tolerance: ['rtol', 'atol'],
  rule: ['policy'],
  unbiased: ['ddof'],
  correction: ['ddof'],
  descending: ['reverse'],
  staticargs: ['staticArgnums'],
  argnum: ['argnums'],
  hasaux: ['hasAux'],
}

/** A name without the marks of naming styles. */
const plain = (name: string): string => name.replaceAll(/[_\-\s]/g, '').toLowerCase()

/** The number of letters that must be added, removed, changed or swapped with a neighbour to get from one name to the other. */
const distance = (a: string, b: string): number => {
  let [older, last] = [new Array<number>(b.length + 1).fill(0), Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1]! + Number(a[i - 1] !== b[j - 1])
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, older[j - 2]! + 1)
    }
    older = last
    last = row
  }
  return last[b.length]!
}

/** Longer names are not compared. */
const LONGEST = 40

/**
 * The known name that differs only in style (`in_axes`, `keepDims`), has this name in another library (`dim`), or differs by a
 * typing error; null if there is none.
 */
export const suggestion = (name: string, known: readonly string[]): string | null => {
  if (name.length > LONGEST) return null
  const bare = plain(name)
  const styled = known.find((k) => plain(k) === bare)
  if (styled !== undefined) return styled
  const called = (Object.hasOwn(synonyms, bare) ? synonyms[bare]! : []).find((k) => known.includes(k))
  if (called !== undefined) return called
  const near = known
    .map((k) => [k, distance(bare, plain(k))] as const)
    .filter(([k, d]) => d <= Math.min(2, Math.floor(k.length / 3)))
    .toSorted(([, a], [, b]) => a - b)
  return near[0]?.[0] ?? null
}
