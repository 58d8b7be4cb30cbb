/** GPT-2's alphabet: a printable character for each byte. */
import { encodeUtf8 } from '../core/utf8.ts'

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae

/** The character of each byte: printable Latin-1 is unchanged, others are from U+0100 on. */
export const byteCharacters: readonly string[] = (() => {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++))
})()

const bytesOf = new Map(byteCharacters.map((character, byte) => [character, byte]))

/** The byte of a character of the alphabet. */
export const byteOf = (character: string): number | undefined => bytesOf.get(character)

/** The bytes of a text, in the alphabet. */
export const toByteCharacters = (text: string): readonly string[] =>
  Array.from(encodeUtf8(text), (byte) => byteCharacters[byte]!)

/** `<0x0A>`: SentencePiece's names of byte tokens. */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`

/** The byte of a byte token, or null. */
export const byteOfToken = (token: string): number | null => {
  const match = /^<0x([0-9a-fA-F]{2})>$/.exec(token)
  return match === null ? null : Number.parseInt(match[1]!, 16)
}
