import { debug, KeyReuseError, nn, random } from 'pullback'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

beforeEach(() => {
  debug.keyReuse(true)
})
afterEach(() => {
  debug.keyReuse(false)
})

describe.each([
  ['linear', nn.linear(3, 4)],
  ['embedding', nn.embedding(3, 4)],
  ['conv', nn.conv(3, 4, [2])],
  ['simpleCell', nn.simpleCell(3, 4)],
  ['lstmCell', nn.lstmCell(3, 4)],
  ['gruCell', nn.gruCell(3, 4)],
  ['rnn', nn.rnn(nn.lstmCell(3, 4))],
  ['multiHeadAttention', nn.multiHeadAttention(4, 2)],
  ['luongAttention, general', nn.luongAttention(3, 4)],
  ['luongAttention, concat', nn.luongAttention(3, 4, { score: 'concat' })],
  ['batchNorm', nn.batchNorm(3)],
  ['groupNorm', nn.groupNorm(4, 2)],
  ['instanceNorm', nn.instanceNorm(3)],
  ['residual', nn.residual(nn.linear(3, 3))],
  ['repeat', nn.repeat(2, nn.residual(nn.linear(3, 3)))],
  ['initAll', { init: (key: random.Key) => nn.initAll(key, { a: nn.linear(3, 4) }) }],
  ['sequential', nn.sequential(nn.linear(3, 4), nn.relu, nn.linear(4, 2))],
] as const)('parameters of %s', (_, layer: { readonly init: (key: random.Key) => unknown }) => {
  it('use up a key, once', () => {
    const key = random.key(0)
    expect(() => layer.init(key)).not.toThrow()
    expect(() => layer.init(key)).toThrow(KeyReuseError)
  })
})

describe('a key of a run', () => {
  const model = nn.sequential(
    nn.dropoutLayer(0.5),
    nn.residual(nn.dropoutLayer(0.5)),
    nn.repeat(2, nn.dropoutLayer(0.5)),
  )
  const params = model.init(random.key(0))

  it('is used up, once, by a container', () => {
    const key = random.key(1)
    model.apply(params, [1, 2, 3], { training: true, key })
    expect(() => model.apply(params, [1, 2, 3], { training: true, key })).toThrow(KeyReuseError)
  })
})
