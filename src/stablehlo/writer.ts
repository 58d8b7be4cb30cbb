/** A module of StableHLO in the making: names, lines, regions, functions. */
import type { HostArray } from '../core/host.ts'
import type { DType } from '../core/dtype.ts'
import { isFloat, isHalf } from '../core/dtype.ts'
import { sameShape, sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { OpParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import type { Typed } from './text.ts'
import { dimensions, elementsText, numberText, typeText } from './text.ts'

/** A value of the text. */
export interface Value extends Typed {
  readonly name: string
}

export type Comparison = 'EQ' | 'NE' | 'LT' | 'LE' | 'GT' | 'GE'

/** Folds of two elements, by StableHLO's names. */
export type Fold = 'add' | 'multiply' | 'maximum' | 'minimum' | 'and' | 'or'

const isUnsigned = (dtype: DType): boolean => dtype === 'bool' || dtype.startsWith('uint')

/** Writes the body of a program, or calls it: given by `module.ts`, as rules of control flow need it. */
interface Programs {
  inline(w: Writer, program: Program, operands: readonly Value[]): readonly Value[]
  function(w: Writer, program: Program, head: string): string
}

/** Lines of one module; rules write to it, and get values. */
export class Writer {
  readonly #programs: Programs
  readonly #functions: string[] = []
  readonly #names = new Map<Program, string>()
  readonly #expansions = new Map<string, Program>()
  #lines: string[] = []
  #indent = '    '
  #count = 0

  constructor(programs: Programs) {
    this.#programs = programs
  }

  #fresh(prefix: string): string {
    return `%${prefix}${this.#count++}`
  }

  line(text: string): void {
    this.#lines.push(this.#indent + text)
  }

  /** `%n = text`. */
  value(text: string, { dtype, shape }: Typed): Value {
    const name = this.#fresh('')
    this.line(`${name} = ${text}`)
    return { name, dtype, shape }
  }

  /** `%n:2 = text`, with as many results. */
  values(text: string, types: readonly Typed[]): readonly Value[] {
    if (types.length === 0) {
      this.line(text)
      return []
    }
    const name = this.#fresh('')
    const isOne = types.length === 1
    this.line(`${isOne ? name : `${name}:${types.length}`} = ${text}`)
    return types.map(({ dtype, shape }, i) => ({ name: isOne ? name : `${name}#${i}`, dtype, shape }))
  }

  /** Lines in braces. */
  block(label: string, body: () => void): string {
    const [lines, indent] = [this.#lines, this.#indent]
    this.#lines = []
    this.#indent = `${indent}  `
    body()
    const text = [label === '' ? [] : [indent + label], this.#lines].flat().join('\n')
    ;[this.#lines, this.#indent] = [lines, indent]
    return `{\n${text}\n${indent}}`
  }

  region(types: readonly Typed[], body: (args: readonly Value[]) => readonly Value[]): string {
    const args = types.map(({ dtype, shape }): Value => ({ name: this.#fresh('a'), dtype, shape }))
    const label = args.length === 0 ? '' : `^bb0(${args.map((a) => `${a.name}: ${typeText(a)}`).join(', ')}):`
    return this.block(label, () => {
      const out = body(args)
      this.line(`stablehlo.return ${namesOf(out)}${out.length === 0 ? '' : ` : ${typesOf(out)}`}`)
    })
  }

  /** The text of a function with these parameters. */
  function(
    head: string,
    inputs: readonly Typed[],
    body: (args: readonly Value[]) => readonly Value[],
  ): {
    readonly args: readonly Value[]
    readonly text: string
  } {
    const indent = this.#indent
    this.#indent = '  '
    const args = inputs.map(({ dtype, shape }): Value => ({ name: this.#fresh('p'), dtype, shape }))
    const text = this.block('', () => {
      const out = body(args)
      this.line(`return${out.length === 0 ? '' : ` ${namesOf(out)} : ${typesOf(out)}`}`)
    })
    this.#indent = indent
    return { args, text: `${head}${text}` }
  }

  /** `"stablehlo.op"(...)`, with attributes and regions. */
  generic(
    op: string,
    operands: readonly Value[],
    { attributes = '', regions = [] }: { readonly attributes?: string; readonly regions?: readonly string[] },
    results: readonly Typed[],
  ): readonly Value[] {
    const properties = attributes === '' ? '' : ` <{${attributes}}>`
    const held = regions.length === 0 ? '' : ` (${regions.join(', ')})`
    const type = `(${typesOf(operands)}) -> (${typesOf(results)})`
    return this.values(`"stablehlo.${op}"(${namesOf(operands)})${properties}${held} : ${type}`, results)
  }

  /** What the program gives for these operands, in line. */
  inline(program: Program, operands: readonly Value[]): readonly Value[] {
    return this.#programs.inline(this, program, operands)
  }

  /** A call of the program, whose function is written once. */
  call(program: Program, operands: readonly Value[]): readonly Value[] {
    let name = this.#names.get(program)
    if (name === undefined) {
      name = `@f${this.#names.size}`
      this.#names.set(program, name)
      this.#functions.push(this.#programs.function(this, program, `private ${name}`))
    }
    const results = program.outAvals
    if (results.length === 0) return []
    return this.values(`call ${name}(${namesOf(operands)}) : (${typesOf(operands)}) -> (${typesOf(results)})`, results)
  }

  /** A program that stands for an operation, made once for each key. */
  expansion(key: string, make: () => Program): Program {
    const known = this.#expansions.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#expansions.set(key, made)
    return made
  }

  /** Functions that were called, as text. */
  get functions(): readonly string[] {
    return this.#functions
  }

  // Operations that rules are made of.

  constant(x: number | bigint, dtype: DType, shape: Shape = []): Value {
    const element = sizeOf(shape) === 0 ? '' : numberText(x, dtype)
    return this.value(`stablehlo.constant dense<${element}> : ${typeText({ dtype, shape })}`, { dtype, shape })
  }

  /** A constant like a value, in dtype and shape. */
  like(x: number | bigint, { dtype, shape }: Typed): Value {
    return this.constant(x, dtype, shape)
  }

  vector(xs: readonly number[], dtype: DType): Value {
    const type = { dtype, shape: [xs.length] }
    return this.value(
      `stablehlo.constant dense<${xs.length === 0 ? '' : `[${xs.map((x) => numberText(x, dtype)).join(', ')}]`}> : ${typeText(type)}`,
      type,
    )
  }

  array({ data, aval: { dtype, shape } }: HostArray): Value {
    if (data.length === 0) return this.constant(0, dtype, shape)
    const isUniform = !isHalf(dtype) && data.every((x) => Object.is(x, data[0]))
    if (isUniform) return this.constant(data[0]!, dtype, shape)
    if (dtype !== 'bool') {
      return this.value(`stablehlo.constant dense<${elementsText(data, dtype)}> : ${typeText({ dtype, shape })}`, {
        dtype,
        shape,
      })
    }
    const flat = { dtype, shape: [data.length] }
    const line = this.value(`stablehlo.constant dense<${elementsText(data, dtype)}> : ${typeText(flat)}`, flat)
    return this.reshape(line, shape)
  }

  /** An operation on values of one type, to that type. */
  plain(op: string, ...operands: readonly Value[]): Value {
    const [first] = operands
    return this.value(`stablehlo.${op} ${namesOf(operands)} : ${typeText(first!)}`, first!)
  }

  /** The same of the dialect that StableHLO expands. */
  composite(op: string, ...operands: readonly Value[]): Value {
    const [first] = operands
    const types = `${typesOf(operands)} -> ${typeText(first!)}`
    return this.value(`chlo.${op} ${namesOf(operands)} : ${types}`, first!)
  }

  /** Elements compared; `isTotal` in the order of bits, in which -0 is before 0 and NaN after all. */
  compare(how: Comparison, a: Value, b: Value, isTotal = false): Value {
    const { dtype, shape } = a
    const float = isTotal ? 'TOTALORDER' : 'FLOAT'
    const kind = isFloat(dtype) ? float : isUnsigned(dtype) ? 'UNSIGNED' : 'SIGNED'
    const result = { dtype: 'bool' as const, shape }
    return this.value(
      `stablehlo.compare ${how}, ${a.name}, ${b.name}, ${kind} : (${typeText(a)}, ${typeText(b)}) -> ${typeText(result)}`,
      result,
    )
  }

  /** Whether elements are NaN. */
  isNaN(x: Value): Value {
    return isFloat(x.dtype) ? this.compare('NE', x, x) : this.constant(0, 'bool', x.shape)
  }

  select(which: Value, onTrue: Value, onFalse: Value): Value {
    const operands = `${which.name}, ${onTrue.name}, ${onFalse.name}`
    return this.value(`stablehlo.select ${operands} : ${typeText(which)}, ${typeText(onTrue)}`, onTrue)
  }

  /** From one type to another. */
  #to(text: string, x: Value, result: Typed): Value {
    return this.value(`stablehlo.${text} : (${typeText(x)}) -> ${typeText(result)}`, result)
  }

  reshape(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.#to(`reshape ${x.name}`, x, { dtype: x.dtype, shape })
  }

  convert(x: Value, dtype: DType): Value {
    return x.dtype === dtype ? x : this.#to(`convert ${x.name}`, x, { dtype, shape: x.shape })
  }

  bitcast(x: Value, result: Typed): Value {
    return this.#to(`bitcast_convert ${x.name}`, x, result)
  }

  isFinite(x: Value): Value {
    return this.#to(`is_finite ${x.name}`, x, { dtype: 'bool', shape: x.shape })
  }

  broadcast(x: Value, shape: Shape, dims: readonly number[]): Value {
    return this.#to(`broadcast_in_dim ${x.name}, dims = [${dims.join(', ')}]`, x, { dtype: x.dtype, shape })
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    const shape = permutation.map((axis) => x.shape[axis]!)
    return this.#to(`transpose ${x.name}, dims = [${permutation.join(', ')}]`, x, { dtype: x.dtype, shape })
  }

  reverse(x: Value, axes: readonly number[]): Value {
    return this.value(`stablehlo.reverse ${x.name}, dims = [${axes.join(', ')}] : ${typeText(x)}`, x)
  }

  pad(x: Value, filling: Value, { low, high, interior }: OpParams['pad'], shape: Shape): Value {
    const result = { dtype: x.dtype, shape }
    const amounts = `low = [${low.join(', ')}], high = [${high.join(', ')}], interior = [${interior.join(', ')}]`
    return this.value(
      `stablehlo.pad ${namesOf([x, filling])}, ${amounts} : (${typesOf([x, filling])}) -> ${typeText(result)}`,
      result,
    )
  }

  iota(type: Typed, axis: number): Value {
    return this.value(`stablehlo.iota dim = ${axis} : ${typeText(type)}`, type)
  }

  slice(x: Value, start: Shape, limit: Shape, strides: Shape): Value {
    const shape = start.map((from, i) => Math.max(0, Math.ceil((limit[i]! - from) / strides[i]!)))
    const ranges = start.map((from, i) => `${from}:${limit[i]!}:${strides[i]!}`)
    return this.#to(`slice ${x.name} [${ranges.join(', ')}]`, x, { dtype: x.dtype, shape })
  }

  dynamicSlice(x: Value, starts: readonly Value[], sizes: Shape): Value {
    const result = { dtype: x.dtype, shape: sizes }
    const operands = [x, ...starts]
    return this.value(
      `stablehlo.dynamic_slice ${namesOf(operands)}, sizes = [${sizes.join(', ')}] : (${typesOf(operands)}) -> ${typeText(result)}`,
      result,
    )
  }

  dynamicUpdateSlice(x: Value, update: Value, starts: readonly Value[]): Value {
    const operands = [x, update, ...starts]
    return this.value(
      `stablehlo.dynamic_update_slice ${namesOf(operands)} : (${typesOf(operands)}) -> ${typeText(x)}`,
      x,
    )
  }

  concatenate(parts: readonly Value[], axis: number, shape: Shape): Value {
    const result = { dtype: parts[0]!.dtype, shape }
    const text = `stablehlo.concatenate ${namesOf(parts)}, dim = ${axis}`
    return this.value(`${text} : (${typesOf(parts)}) -> ${typeText(result)}`, result)
  }

  /** A region that folds two elements. */
  reducer(fold: Fold, dtype: DType): string {
    const element = { dtype, shape: [] }
    return this.region([element, element], ([a, b]) => [this.plain(fold, a!, b!)])
  }

  reduce(fold: Fold, initial: number | bigint, x: Value, axes: readonly number[]): Value {
    const start = this.constant(initial, x.dtype)
    const result = { dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) }
    return this.value(
      `stablehlo.reduce(${x.name} init: ${start.name}) applies stablehlo.${fold} across dimensions = [${axes.join(', ')}] : ` +
        `(${typeText(x)}, ${typeText(start)}) -> ${typeText(result)}`,
      result,
    )
  }

  /** Products of float32 in full precision. */
  dotGeneral(
    x: Value,
    y: Value,
    contract: readonly [Shape, Shape],
    batch: readonly [Shape, Shape],
    result: Typed,
  ): Value {
    const pair = (name: string, [a, b]: readonly [Shape, Shape]): string =>
      `${name} = [${a.join(', ')}] x [${b.join(', ')}]`
    const parts = [
      `${x.name}, ${y.name}`,
      ...(batch[0].length === 0 ? [] : [pair('batching_dims', batch)]),
      pair('contracting_dims', contract),
      'precision = [HIGHEST, HIGHEST]',
    ]
    return this.value(`stablehlo.dot_general ${parts.join(', ')} : (${typesOf([x, y])}) -> ${typeText(result)}`, result)
  }

  while(
    carry: readonly Value[],
    condition: (carry: readonly Value[]) => Value,
    body: (carry: readonly Value[]) => readonly Value[],
  ): readonly Value[] {
    const regions = [this.region(carry, (vs) => [condition(vs)]), this.region(carry, body)]
    return this.generic('while', carry, { regions }, carry)
  }

  /** For each vector of indices, whether all its coordinates lie in 0..room. */
  isInside(indices: Value, room: readonly number[]): Value {
    const last = indices.shape.length - 1
    const limits = this.vector(
      room.map((r) => Math.max(r, -1)),
      'int64',
    )
    const places = this.convert(indices, 'int64')
    const top = this.broadcast(limits, indices.shape, [last])
    const both = this.plain('and', this.compare('GE', places, this.like(0, places)), this.compare('LE', places, top))
    return this.reduce('and', 1, both, [last])
  }
}

export const namesOf = (values: readonly Value[]): string => values.map((v) => v.name).join(', ')
export const typesOf = (values: readonly Typed[]): string => values.map(typeText).join(', ')

/** The attribute of gather and scatter. */
export const dimensionNumbers = (
  kind: string,
  lists: Readonly<Record<string, readonly number[]>>,
  indices: Typed,
): string =>
  `#stablehlo.${kind}<${[...dimensions(lists), `index_vector_dim = ${indices.shape.length - 1}`].join(', ')}>`

/** A scalar of a dtype. */
export const element = (dtype: DType): Typed => ({ dtype, shape: [] })

/** All places of a shape, in a line. */
export const placesOf = (w: Writer, shape: Shape): Value =>
  w.reshape(w.iota({ dtype: 'int32', shape: [sizeOf(shape)] }, 0), shape)
