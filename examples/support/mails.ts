/** The public corpus of SpamAssassin: 6,046 mails of 2002 and 2003, as `scripts/fetch-data.sh` puts them on the disk. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import PostalMime from 'postal-mime'

/** A mail as a row of data. Headers but the subject are left out: lists and traps that mails went through give their class away. */
export interface Mail {
  readonly id: string
  readonly subject: string
  /** Without markup. */
  readonly body: string
  readonly label: 'ham' | 'spam'
}

const folder = join(import.meta.dirname, '..', '..', '.data', 'datasets-spam-assassin-0.2.3', 'data')

/** An element of a page, as far as it is used: linkedom's own types want those of browsers. */
interface Element {
  readonly textContent: string | null
  remove(): void
  after(text: string): void
}

interface Page {
  readonly document: { readonly body: Element; querySelectorAll(selectors: string): Iterable<Element> }
}

/** The text of a page: no markup, scripts and styles. */
const textOfHtml = (html: string): string => {
  const { document } = parseHTML(`<!doctype html><html><body>${html}</body></html>`) as unknown as Page
  for (const unseen of document.querySelectorAll('script, style, title, head')) unseen.remove()
  for (const end of document.querySelectorAll('br, p, div, tr, li, h1, h2, h3')) end.after(' ')
  return document.body.textContent ?? ''
}

const plain = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** Subject and body of a mail as it was sent; of one that cannot be parsed, what stands after its headers. */
const parseMail = async (raw: string): Promise<Pick<Mail, 'subject' | 'body'>> => {
  // Mailboxes begin each mail with a line that is not a header.
  const sent = raw.replace(/^From .*\r?\n/, '')
  const { subject = '', text = '', html = '' } = await PostalMime.parse(sent)
  const body = text.trim() === '' ? textOfHtml(html) : text
  return { subject: plain(subject), body: plain(/<(html|body|table|font|br)\b/i.test(body) ? textOfHtml(body) : body) }
}

/** Whether the corpus is there. */
export const hasMails = (): boolean => existsSync(folder)

/**
 * All mails, in the corpus's order.
 *
 * @param count - only so many, evenly from all; all by default.
 */
export const readMails = async (count?: number): Promise<readonly Mail[]> => {
  const names = JSON.parse(readFileSync(join(folder, 'file_list.json'), 'utf8')) as readonly string[]
  const every = count === undefined ? 1 : Math.max(1, Math.floor(names.length / count))
  const mails: Mail[] = []
  for (const [i, name] of names.entries()) {
    if (i % every !== 0) continue
    const file = readFileSync(join(folder, name.replace(/txt$/, 'json')), 'utf8')
    const { id, group, text } = JSON.parse(file) as { readonly [key in 'id' | 'group' | 'text']: string }
    mails.push({ id, label: group.startsWith('spam') ? 'spam' : 'ham', ...(await parseMail(text)) })
  }
  return mails
}

/** Mails as rows: the subject, and the beginning of the body below it. */
export const mailRows = async (
  count?: number,
): Promise<readonly { readonly text: string; readonly label: string }[]> => {
  const mails = await readMails(count)
  return mails.map(({ subject, body, label }) => ({ text: `${subject}\n${body.slice(0, 2000)}`, label }))
}
