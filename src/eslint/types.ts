/** What the rule needs of ESLint's, ESTree's and TypeScript's types, so that it depends on none of these packages. */

/** A node of the syntax tree; what it has beside its type depends on that. */
export interface Node {
  readonly type: string
}

/** A type, as TypeScript's checker has it. */
export interface Type {
  readonly symbol?: { readonly name: string } | undefined
  readonly types?: readonly Type[]
  getProperty(name: string): unknown
  getConstraint(): Type | undefined
  getCallSignatures(): readonly { getReturnType(): Type }[]
}

/** What typescript-eslint's parser gives rules where type information is on. */
export interface ParserServices {
  readonly program?: { getTypeChecker(): { typeToString(type: Type): string } } | null
  readonly getTypeAtLocation?: (node: Node) => Type
}

export interface RuleContext {
  /** Of typescript-eslint's parser it has `parserServices`. */
  readonly sourceCode: object
  report(problem: {
    readonly node: Node
    readonly messageId: string
    readonly data?: { readonly [name: string]: string }
  }): void
}

export type Listener = (node: Node) => void

/** A rule, as ESLint takes them. */
export interface Rule {
  readonly meta: {
    readonly type: 'problem'
    readonly docs: { readonly description: string; readonly url?: string; readonly requiresTypeChecking: true }
    readonly messages: { readonly [id: string]: string }
    readonly schema: readonly []
  }
  readonly create: (context: RuleContext) => { readonly [node: string]: Listener }
}
