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
  ['sequential', nn.sequential(nn.linear(3, 4), nn.relu, nn.linear(4, 2))],
] as const)('parameters of %s', (_, layer: { readonly init: (key: random.Key) => unknown }) => {
  it('use up a key, once', () => {
    const key = random.key(0)
    expect(() => layer.init(key)).not.toThrow()
    expect(() => layer.init(key)).toThrow(KeyReuseError)
  })
})
