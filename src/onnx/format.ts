/** ONNX's messages (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), by their fields' numbers. */
import type { DType, TypedArray } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { Message } from './protobuf.ts'

/** `TensorProto.DataType` */
const elementTypes: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
}

/** `AttributeProto.AttributeType` */
const attributeTypes = { integer: 2, text: 3, graph: 5, integers: 7 } as const

/** What a value is, as far as its type says. */
export interface Typed {
  readonly dtype: DType
  readonly shape: Shape
}

/** A value of an attribute. A number is an integer, and so is the element type that a dtype stands for. */
export type Attribute = number | readonly number[] | string | Message

export type Attributes = Readonly<Record<string, Attribute>>

/** The number that `Cast` and its like call a dtype by. */
export const elementType = (dtype: DType): number => elementTypes[dtype]

const attribute = (name: string, value: Attribute): Message => {
  const message = new Message().text(1, name)
  if (typeof value === 'number') return message.integer(3, value).integer(20, attributeTypes.integer)
  if (typeof value === 'string') return message.text(4, value).integer(20, attributeTypes.text)
  if (value instanceof Message) return message.message(6, value).integer(20, attributeTypes.graph)
  for (const n of value) message.integer(8, n)
  return message.integer(20, attributeTypes.integers)
}

/** An application of an operator; an operand that is left out has the empty name. */
export const nodeMessage = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Message => {
  const message = new Message()
  for (const name of inputs) message.text(1, name)
  for (const name of outputs) message.text(2, name)
  message.text(3, outputs[0] ?? op).text(4, op)
  for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value))
  return message
}

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** An array under a name. Elements are as they are in memory: little-endian, bools as bytes, 16-bit floats as their bits. */
export const tensorMessage = (name: string, { dtype, shape }: Typed, data: TypedArray): Message => {
  const message = new Message()
  for (const n of shape) message.integer(1, n)
  return message.integer(2, elementTypes[dtype]).text(8, name).bytes(9, bytesOf(data))
}

/** A name and its type. */
export const valueMessage = (name: string, { dtype, shape }: Typed): Message => {
  const extents = new Message()
  for (const n of shape) extents.message(1, new Message().integer(1, n))
  const tensor = new Message().integer(1, elementTypes[dtype]).message(2, extents)
  return new Message().text(1, name).message(2, new Message().message(1, tensor))
}

/** A graph, or the body of a loop or branch. */
export interface Graph {
  readonly name: string
  readonly nodes: readonly Message[]
  readonly initializers?: readonly Message[]
  readonly inputs: readonly Message[]
  readonly outputs: readonly Message[]
}

export const graphMessage = ({ name, nodes, initializers = [], inputs, outputs }: Graph): Message => {
  const message = new Message()
  for (const node of nodes) message.message(1, node)
  message.text(2, name)
  for (const tensor of initializers) message.message(5, tensor)
  for (const input of inputs) message.message(11, input)
  for (const output of outputs) message.message(12, output)
  return message
}

/** The version of the format that came with the set of operators. */
const IR_VERSION = 8

/** The set of operators that models are written in. */
export const OPSET = 18

/** A model of one graph. */
export const modelMessage = (graph: Message): Message =>
  new Message()
    .integer(1, IR_VERSION)
    .text(2, 'pullback')
    .message(7, graph)
    .message(8, new Message().text(1, '').integer(2, OPSET))
