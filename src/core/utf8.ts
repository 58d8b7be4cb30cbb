/** Text and bytes. The library is compiled without the types of browsers or of Node; those that are used are declared here. */

interface Host {
  readonly TextDecoder: new (
    label: 'utf-8',
    options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string }
  readonly TextEncoder: new () => { encode(text: string): Uint8Array }
  readonly atob: (text: string) => string
}

const host = globalThis as unknown as Host

/** The text of UTF-8 bytes, or null if they are not UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string | null => {
  try {
    return new host.TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** The text of bytes; invalid UTF-8 becomes U+FFFD, one for each maximal prefix of a valid sequence. */
export const decodeUtf8Lossy = (bytes: Uint8Array): string =>
  new host.TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes)

/** Text as UTF-8; lone surrogates become U+FFFD. */
export const encodeUtf8 = (text: string): Uint8Array => new host.TextEncoder().encode(text)

/** The bytes of base64 (RFC 4648, with its padding). */
export const decodeBase64 = (text: string): Uint8Array => Uint8Array.from(host.atob(text), (c) => c.charCodeAt(0))
