/**
 * Untrusted bytes end in a value or an error, never in an exception, a hang or an allocation that the file does not back.
 * `PULLBACK_MUTATIONS=100000` tries as many mutations of each format.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as io from 'pullback/io'
import { consistent, MUTATIONS, mutations, timeFor } from './support/mutations.ts'
import { bytesOf, leftOf, recordedFiles } from './support/recorded.ts'

/** Opens the bytes and reads every tensor. What comes back must be an `Either`; arrays must be what they say. */
const tryAll = async (name: string, bytes: Uint8Array): Promise<void> => {
  if (name.endsWith('.npy')) {
    const result = await io.readNpy(bytes)()
    if (result._tag === 'Right') consistent(result.right, bytes.length)
    else expect(result.left.message).not.toBe('')
    return
  }
  const opened = await io.openTensors(bytes)()
  if (opened._tag === 'Left') {
    expect(['Malformed', 'Access', 'Unsupported', 'Missing']).toContain(opened.left._tag)
    return
  }
  for (const key of opened.right.tensors.keys()) {
    const result = await opened.right.read(key)()
    if (result._tag === 'Right') consistent(result.right, bytes.length)
    else expect(result.left.message).not.toBe('')
  }
}

describe.each(recordedFiles)('mutations of %s', (name) => {
  const original = bytesOf(name)
  test(
    `${MUTATIONS} of them`,
    () =>
      fc.assert(
        fc.asyncProperty(mutations, (list) =>
          tryAll(
            name,
            list.reduce((b, edit) => edit(b), original),
          ),
        ),
        { numRuns: MUTATIONS },
      ),
    timeFor(MUTATIONS),
  )
})

const header = (text: string, data = 0, length = Buffer.byteLength(text)): Uint8Array => {
  const bytes = Buffer.alloc(8 + Buffer.byteLength(text) + data)
  bytes.writeBigUInt64LE(BigInt(length), 0)
  bytes.write(text, 8)
  return new Uint8Array(bytes)
}
const f32 = (shape: string, from: number, to: number): string =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${from},${to}]}`

describe('safetensors', () => {
  test.each<[string, Uint8Array, RegExp, number]>([
    ['empty', new Uint8Array(0), /0 bytes, fewer than the 8/, 0],
    ['header longer than the file', header('{}', 0, 100), /would take 100 bytes/, 0],
    ['header of 2^63 bytes', header('{}', 0, 2 ** 63), /would take 9223372036854775808/, 0],
    ['no JSON', header('{"a"'), /':' expected/, 12],
    ['no object', header('[]'), /must be an object/, 8],
    ['a name twice', header(`{"a":${f32('[1]', 0, 4)},"a":${f32('[1]', 4, 8)}}`, 8), /"a" stands twice/, 62],
    ['wrong size', header(`{"a":${f32('[2]', 0, 4)}}`, 4), /does not fill/, 13],
    ['overlap', header(`{"a":${f32('[2]', 0, 8)},"b":${f32('[2]', 4, 12)}}`, 12), /inside of another/, 120],
    ['gap', header(`{"a":${f32('[1]', 4, 8)}}`, 8), /belong to none/, 62],
    ['truncated', header(`{"a":${f32('[2]', 0, 8)}}`, 4), /truncated/, 66],
    ['more after the end', header(`{"a":${f32('[1]', 0, 4)}}`, 8), /4 bytes more/, 66],
    ['offsets in reverse', header(`{"a":${f32('[0]', 4, 0)}}`), /two, in order/, 55],
    ['negative extent', header(`{"a":${f32('[-1]', 0, 4)}}`, 4), /numbers from 0/, 37],
    ['absurd extents', header(`{"a":${f32('[9007199254740991,9007199254740991]', 0, 4)}}`, 4), /does not fill/, 13],
    ['dtype unknown', header('{"a":{"dtype":"X","shape":[],"data_offsets":[0,0]}}'), /"X"/, 22],
    ['deep nesting', header('['.repeat(100_000)), /deep/, 73],
  ])('%s', async (_, bytes, message, offset) => {
    expect(leftOf(await io.openSafetensors(bytes)())).toMatchObject({
      _tag: 'Malformed',
      format: 'safetensors',
      offset,
      message: expect.stringMatching(message) as string,
    })
  })

  test('__proto__ is a name like others', async () => {
    const opened = await io.openSafetensors(header(`{"__proto__":${f32('[1]', 0, 4)}}`, 4))()
    expect(opened._tag === 'Right' && [...opened.right.tensors.keys()]).toEqual(['__proto__'])
  })
})
