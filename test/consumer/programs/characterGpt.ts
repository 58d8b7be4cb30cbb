/** A character-level GPT that learns a rhyme by heart, and recites it. Radford et al. (2019), in the size of Karpathy's "minGPT". */
import { jit, lax, nn, np, optim, random, valueAndGrad, vmap } from 'pullback'
import type { NDArray } from 'pullback'

const text = "She sells sea shells by the sea shore; the shells she sells are sea shells, I'm sure.\n"
const alphabet = [...new Set(text)].sort()
const tokens = np.array(Int32Array.from(text, (c) => alphabet.indexOf(c)))

const context = 16
const width = 32

/** Attention of several heads to what came before. */
const attention = (heads: number) => {
  const parts = { from: nn.linear(width, 3 * width), to: nn.linear(width, width) }
  return nn.layer({
    init: (key, dtype) => nn.initAll(key, parts, dtype),
    apply: (params, x: NDArray) => {
      const split = parts.from.apply(params.from, x).reshape([...x.shape.slice(0, -1), heads, -1])
      const [query, key, value] = np.split(split, 3, { axis: -1 })
      const seen = nn.dotProductAttention(query, key, value, { isCausal: true })
      return parts.to.apply(params.to, seen.reshape(x.shape))
    },
  })
}

const block = nn.sequential(
  nn.residual(nn.sequential(nn.layerNorm(width), attention(4))),
  nn.residual(nn.sequential(nn.layerNorm(width), nn.linear(width, 4 * width), nn.gelu, nn.linear(4 * width, width))),
)

const parts = { tokens: nn.embedding(alphabet.length, width), blocks: nn.repeat(2, block), norm: nn.layerNorm(width) }

/** The logits of the next character, after each of a window; those who embed characters also read them out. */
const model = nn.layer({
  init: (key, dtype) => {
    const [forPositions, forParts] = random.split(key)
    const positions = nn.initializers.normal({ stddev: 0.02 })(forPositions, [context, width])
    return { ...nn.initAll(forParts, parts, dtype), positions }
  },
  apply: (params, window: NDArray) => {
    const embedded = parts.tokens.apply(params.tokens, window).add(params.positions)
    const hidden = parts.norm.apply(params.norm, parts.blocks.apply(params.blocks, embedded))
    return np.matmul(hidden, params.tokens.embedding.T)
  },
})
type Params = ReturnType<typeof model.init>

const windowAt = (start: NDArray): NDArray => lax.dynamicSlice(tokens, [start], [context + 1])

const loss = (params: Params, windows: NDArray): NDArray => {
  const [seen, next] = [windows.get(':', np.slice(0, -1)), windows.get(':', np.slice(1))]
  return np.mean(optim.softmaxCrossEntropyWithIntegerLabels(model.apply(params, seen), next))
}

/** Characters one by one, each the likeliest after what came before. */
const continued = jit((params: Params, start: NDArray): NDArray => {
  const [, written] = lax.scan(
    (window, _) => {
      const next = np.argmax(model.apply(params, window).get(-1))
      return [np.concatenate([window.slice(1), next.reshape([1])]), next]
    },
    start,
    null,
    { length: text.length - context },
  )
  return written
})

const recite = (params: Params): string => {
  const written = continued(params, tokens.slice(0, context)).toArray({ rank: 1, dtype: 'int32' })
  return text.slice(0, context) + written.map((i) => alphabet[i] ?? '?').join('')
}

export interface Learnt {
  readonly losses: readonly number[]
  readonly before: string
  readonly after: string
  readonly text: string
}

/** The losses of all steps, and what it recites before and after them. */
export const run = (steps: number): Learnt => {
  const schedule = optim.warmupCosineDecaySchedule({
    initValue: 0,
    peakValue: 1e-2,
    warmupSteps: Math.round(steps / 8),
    decaySteps: steps,
  })
  // What is multiplied by is decayed; biases, norms and positions are not.
  const decayed = { weightDecay: 0.01, mask: (path: readonly unknown[]) => path[path.length - 1] === 'kernel' }
  const optimizer = optim.chain(optim.clipByGlobalNorm(1), optim.adamw(schedule, decayed))
  const start = model.init(random.key(0))
  const initial = { params: start, state: optimizer.init(start) }
  const step = jit(({ params, state }: typeof initial, key: random.Key) => {
    const windows = vmap(windowAt)(random.randint(key, [16], 0, text.length - context))
    const [value, gradient] = valueAndGrad(loss)(params, windows)
    const [updates, next] = optimizer.update(gradient, state, params)
    return { at: { params: optim.applyUpdates(params, updates), state: next }, value }
  })
  let at = initial
  const losses: number[] = []
  for (const key of random.split(random.key(1), steps)) {
    const taken = step(at, key)
    at = taken.at
    losses.push(taken.value.item())
  }
  return { losses, before: recite(start), after: recite(at.params), text }
}
