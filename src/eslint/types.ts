/** The parts of ESLint's, ESTree's and TypeScript's types that the rule needs, so that it does not depend on these packages. */

/** A node of the syntax tree; its other properties depend on its type. */
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

/** What typescript-eslint's parser provides to rules with type information. */
export interface ParserServices {
  readonly program?: { getTypeChecker(): { typeToString(type: Type): string } } | null
  readonly getTypeAtLocation?: (node: Node) => Type
}

interface RuleContext {
  /** With typescript-eslint's parser it has `parserServices`. */
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
