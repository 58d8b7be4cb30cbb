/** What `structuredClone` and `postMessage` would make husks of fails at once, and says what to do. */
import { grad, jit, makeProgram, np, random, tree, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { serialize } from 'node:v8'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'

const hint = /tree\.serialize.* could not be cloned/

describe('arrays', () => {
  const x = np.array([1, 2, 3])
  const holders = {
    'an array': x,
    'a scalar': np.array(1),
    'a key': random.key(0),
    'a result of a compiled function': jit((a: NDArray) => a.mul(2))(x),
    'a tree': { layers: [{ w: x, b: null }] },
    'a map': new Map([['x', x]]),
    'a type': x.aval,
    'a structure': tree.structure({ a: 1, b: [2] }),
    'the structure of a leaf': tree.structure(1),
    'a program': makeProgram((a: NDArray) => np.sin(a))(x),
  }
  for (const [name, value] of Object.entries(holders)) {
    it(`${name} cannot be cloned, posted or stored`, () => {
      expect(() => structuredClone(value)).toThrow(hint)
      expect(() => serialize(value)).toThrow(hint)
      const { port1, port2 } = new MessageChannel()
      expect(() => {
        port1.postMessage({ value })
      }).toThrow(hint)
      port1.close()
      port2.close()
    })
  }

  it('that are traced cannot be either', () => {
    const f = (a: NDArray): NDArray => {
      structuredClone(a)
      return np.sum(a)
    }
    expect(() => jit(f)(x)).toThrow(hint)
    expect(() => grad(f)(x)).toThrow(hint)
    expect(() => vmap(f)(x)).toThrow(hint)
  })

  it('are as they were otherwise: in text, JSON and comparisons', () => {
    expect(JSON.stringify({ x })).toBe('{"x":[1,2,3]}')
    expect(np.array([1, 2, 3]).aval).toEqual(x.aval)
    expect(np.array([1, 2]).aval).not.toEqual(x.aval)
    expect(JSON.stringify(x.aval)).not.toContain('lose')
  })

  it('travel as bytes, which may be transferred', () => {
    const { port1, port2 } = new MessageChannel()
    const bytes = tree.serialize({ x, step: 3 })
    port1.postMessage(bytes, [bytes.buffer])
    expect(bytes.byteLength).toBe(0)
    const { message } = receiveMessageOnPort(port2) as { message: Uint8Array }
    const read = tree.deserialize(message, { like: { x, step: 0 } })
    expect(read._tag === 'Right' && tree.equal(read.right, { x, step: 3 })).toBe(true)
    port1.close()
    port2.close()
  })
})
