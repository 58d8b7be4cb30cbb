/** Pages as they are parsed. The types of linkedom are in terms of the DOM's, which the project does without. */
import { parseHTML } from 'linkedom'

interface Element {
  readonly textContent: string
}

interface Page {
  querySelectorAll(selector: string): Iterable<Element> & { readonly length: number }
  querySelector(selector: string): Element | null
}

export const parsePage = (html: string): Page => (parseHTML(html) as unknown as { readonly document: Page }).document
