/** Expressions of kernels: equal ones are one. */
import { describe, expect, it } from 'vitest'
import { Aval } from '../../src/core/aval.ts'
import { Index, LoopVar } from '../../src/lowering/indices.ts'
import { NodeTable, operandsOf, reachable, Value } from '../../src/lowering/nodes.ts'

const i = Index.variable(new LoopVar(4, 'i'))
const array = (id: number): Value => new Value(new Aval('float32', [4]), id)
const [x, y] = [array(0), array(1)]

describe('nodes', () => {
  it('are one where they are equal', () => {
    const table = new NodeTable()
    const sum = () => table.op('add', {}, [table.load(x, i), table.literal(1, 'float32')], 'float32')
    expect(sum()).toBe(sum())
    expect(table.size).toBe(3)
    expect(table.load(x, i.plus(1).plus(-1))).toBe(table.load(x, i))
  })

  it('are two where they differ in anything', () => {
    const table = new NodeTable()
    const [a, b] = [table.load(x, i), table.load(y, i)]
    const j = new LoopVar(4, 'j')
    const different = [
      a,
      b,
      table.load(x, i.plus(1)),
      table.index(i, 'float32'),
      table.index(i, 'int32'),
      table.literal(0, 'float32'),
      table.literal(-0, 'float32'),
      table.literal(0, 'int32'),
      table.op('sub', {}, [a, b], 'float32'),
      table.op('sub', {}, [b, a], 'float32'),
      table.op('integerPow', { exponent: 2 }, [a], 'float32'),
      table.op('integerPow', { exponent: 3 }, [a], 'float32'),
      table.op('threefry2x32', {}, [a, a], 'uint32', 0),
      table.op('threefry2x32', {}, [a, a], 'uint32', 1),
      table.fold('sum', [j], a),
      table.fold('max', [j], a),
      table.row({ fold: 'sum', node: a, dtype: 'float32' }),
      table.row({ fold: 'sum', node: a, dtype: 'float32' }),
    ]
    expect(new Set(different).size).toBe(different.length)
    expect(table.size).toBe(different.length)
  })

  it('are reached after their operands, each once', () => {
    const table = new NodeTable()
    const square = table.op('mul', {}, [table.load(x, i), table.load(x, i)], 'float32')
    const root = table.op('add', {}, [square, table.fold('sum', [new LoopVar(2, 'j')], square)], 'float32')
    const order = reachable([root, square])
    expect(order.map((n) => n.kind)).toEqual(['load', 'op', 'fold', 'op'])
    for (const n of order) for (const o of operandsOf(n)) expect(order.indexOf(o)).toBeLessThan(order.indexOf(n))
  })
})
