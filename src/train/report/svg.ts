/** SVG as text, without a DOM, so that reports need no package, in Node and in browsers. */

const entities: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text, escaped for elements and attributes. */
export const escaped = (text: string): string =>
  Array.from(text, (c) => entities[c] ?? (c < ' ' && !'\n\t'.includes(c) ? '�' : c)).join('')

/** Attributes of an element. */
interface Attributes {
  readonly [name: string]: string | number
}

/** Coordinates to a tenth of a pixel, which keeps files small. */
const shown = (value: string | number): string =>
  typeof value === 'number' ? String(Math.round(value * 10) / 10) : escaped(value)

/** An element; children are markup. */
export const element = (name: string, attributes: Attributes, ...children: readonly string[]): string => {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${shown(value)}"`)
  return children.length === 0
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>${children.join('')}</${name}>`
}

/** Text at a position. */
export const text = (x: number, y: number, content: string, attributes: Attributes = {}): string =>
  element('text', { x, y, ...attributes }, escaped(content))

/** A picture, with a description for those who do not see it. */
export const picture = (width: number, height: number, description: string, ...children: readonly string[]): string =>
  element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' },
    element('title', {}, escaped(description)),
    ...children,
  )
