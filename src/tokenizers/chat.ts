/** Chat templates: render conversations as text, with Jinja. */
import { Template } from '@huggingface/jinja'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'

/** One turn of a conversation. Other keys that templates use (`tool_calls`, `name`, ...) are passed to them unchanged. */
export interface ChatMessage {
  readonly role: string
  readonly content?: unknown
  readonly [key: string]: unknown
}

/** Templates by name; a single one is `default`. */
export type ChatTemplates = ReadonlyMap<string, string>

/** `chat_template`: a text, or a list of named ones. */
export const readChatTemplates = (json: Json): ChatTemplates => {
  if (json.isNull) return new Map()
  if (typeof json.value === 'string') return new Map([['default', json.value]])
  return new Map(json.list().map((entry) => [entry.at('name').string(), entry.at('template').string()]))
}

/** The template given by name or as a text; otherwise the one for tools, or the default. */
const chosen = (templates: ChatTemplates, asked: string | undefined, hasTools: boolean): string => {
  if (asked !== undefined) return templates.get(asked) ?? asked
  const template = (hasTools ? templates.get('tool_use') : undefined) ?? templates.get('default')
  if (template !== undefined) return template
  const names = [...templates.keys()]
  const has = names.length === 0 ? 'has none' : `has ${names.join(', ')}, and none by default`
  return fault('chat_template', `is missing: the tokenizer ${has}. Give one as the option chatTemplate.`)
}

/** Renders a template; what it raises, and any other failure, becomes an error. */
export const renderChat = (
  templates: ChatTemplates,
  asked: string | undefined,
  variables: { readonly [name: string]: unknown },
): string => {
  const text = chosen(templates, asked, Array.isArray(variables['tools']))
  try {
    return new Template(text).render(variables)
  } catch (error) {
    return fault('chat_template', `does not render: ${error instanceof Error ? error.message : String(error)}`)
  }
}
