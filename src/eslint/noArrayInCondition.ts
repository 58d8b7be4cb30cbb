/**
 * The rule `no-array-in-condition`. An array is an object: to `if`, `!`, `&&` and `?:` it is true whatever its elements are, `===`
 * compares identities, and operators such as `+` and `<` ask for a number, which a traced array does not have. None of that can
 * be intercepted while the program runs.
 */
import { isArrayOnly, mayBeArray, mayBeNothing } from './arrayTypes.ts'
import type { Listener, Node, ParserServices, Rule, Type } from './types.ts'

const isNode = (x: unknown): x is Node => typeof x === 'object' && x !== null && 'type' in x

/** A property of a node, as ESTree names it. */
const property = (node: Node, name: string): unknown => (node as unknown as { readonly [name: string]: unknown })[name]

const child = (node: Node, name: string): Node | null => {
  const found = property(node, name)
  return isNode(found) ? found : null
}

const operatorOf = (node: Node): string => String(property(node, 'operator'))

const comparisons: { readonly [operator: string]: string } = {
  '<': 'less',
  '<=': 'lessEqual',
  '>': 'greater',
  '>=': 'greaterEqual',
}

const methods: { readonly [operator: string]: string } = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'remainder',
  '**': 'pow',
}

const equalities = ['==', '!=', '===', '!==']

/** Methods of lists that use the result of their callback as a condition. */
const asking = ['filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'some', 'every']

const messages = {
  condition:
    'An array is an object, and as a condition always true. Ask for its element: x.bool(), or np.isTrue(x); of several elements ' +
    'np.any(x) or np.all(x) first. Under jit use np.where or lax.cond.',
  equality:
    "'{{operator}}' compares identities of arrays, not elements. Use x.equal(y) element by element, or np.arrayEqual(x, y).",
  comparison:
    "'{{operator}}' asks arrays for a number, which is lost to derivatives and which traced arrays do not have. Use x.{{method}}(y).",
  arithmetic:
    "'{{operator}}' asks arrays for a number, which is lost to derivatives and which traced arrays do not have. Use {{instead}}.",
  template:
    'A template asks an array for its text, which a traced array refuses. Use x.toString(), or x.item() for its number.',
} as const

const needsTypes =
  'pullback/no-array-in-condition needs types: configure typescript-eslint with languageOptions.parserOptions.projectService.'

export const noArrayInCondition: Rule = {
  meta: {
    type: 'problem',
    docs: {
      description: 'no array as a condition, and none under operators that know nothing of arrays',
      requiresTypeChecking: true,
    },
    messages,
    schema: [],
  },
  create: (context) => {
    const { parserServices: services } = context.sourceCode as { readonly parserServices?: ParserServices }
    const checker = services?.program?.getTypeChecker()
    if (services?.getTypeAtLocation === undefined || checker === undefined) throw new Error(needsTypes)
    const typeOf = services.getTypeAtLocation.bind(services)
    const textOf = (type: Type): string => checker.typeToString(type)
    const isArray = (node: Node | null): node is Node => node !== null && mayBeArray(typeOf(node))
    /** Accesses to `NDArray.prototype` are not values of arrays. */
    const isPrototype = (node: Node): boolean => {
      const name = child(node, 'property')
      return name !== null && property(name, 'name') === 'prototype'
    }
    const isNothing = (node: Node): boolean => ['null', 'undefined', 'void'].includes(textOf(typeOf(node)))
    const isTested = (type: Type): boolean => mayBeArray(type) && !mayBeNothing(type, textOf)

    /** Checks a condition; for `a && b`, both sides. `&&` and `||` test their left sides everywhere. */
    const test = (node: Node | null): void => {
      if (node === null) return
      if (node.type === 'LogicalExpression' && operatorOf(node) !== '??') test(child(node, 'right'))
      else if (isTested(typeOf(node))) context.report({ node, messageId: 'condition' })
    }
    const testOf =
      (name: string): Listener =>
      (node) => {
        test(child(node, name))
      }

    const isMethod = (callee: Node, names: readonly string[]): boolean => {
      const method = child(callee, 'property')
      return callee.type === 'MemberExpression' && method !== null && names.includes(String(property(method, 'name')))
    }

    const reportArithmetic = (node: Node, operator: string): void => {
      const method = methods[operator]
      const instead = method === undefined ? 'methods of arrays, or functions of np' : `x.${method}(y)`
      context.report({ node, messageId: 'arithmetic', data: { operator, instead } })
    }

    const binary: Listener = (node) => {
      const [left, right] = [child(node, 'left')!, child(node, 'right')!]
      const operator = operatorOf(node)
      if (operator === 'in' || operator === 'instanceof' || !(isArray(left) || isArray(right))) return
      if (equalities.includes(operator)) {
        // A union of arrays and others is compared with one of the others: `index === ':'`.
        const isUnion = ![left, right].some((side) => isArrayOnly(typeOf(side), textOf))
        if (isUnion || [left, right].some((side) => isNothing(side) || isPrototype(side))) return
        context.report({ node, messageId: 'equality', data: { operator } })
        return
      }
      const method = comparisons[operator]
      if (method === undefined) reportArithmetic(node, operator)
      else context.report({ node, messageId: 'comparison', data: { operator, method } })
    }

    return {
      IfStatement: testOf('test'),
      WhileStatement: testOf('test'),
      DoWhileStatement: testOf('test'),
      ForStatement: testOf('test'),
      ConditionalExpression: testOf('test'),
      LogicalExpression: (node) => {
        if (operatorOf(node) !== '??') test(child(node, 'left'))
      },
      UnaryExpression: (node) => {
        const [operator, argument] = [operatorOf(node), child(node, 'argument')]
        if (operator === '!') test(argument)
        else if (['+', '-', '~'].includes(operator) && isArray(argument)) {
          context.report({
            node,
            messageId: 'arithmetic',
            data: { operator, instead: operator === '-' ? 'x.neg()' : 'x.item() for its number' },
          })
        }
      },
      UpdateExpression: (node) => {
        if (isArray(child(node, 'argument'))) reportArithmetic(node, operatorOf(node).slice(0, 1))
      },
      BinaryExpression: binary,
      AssignmentExpression: (node) => {
        const operator = operatorOf(node)
        if (operator === '&&=' || operator === '||=') test(child(node, 'left'))
        else if (
          operator !== '=' &&
          operator !== '??=' &&
          (isArray(child(node, 'left')) || isArray(child(node, 'right')))
        ) {
          reportArithmetic(node, operator.slice(0, -1))
        }
      },
      TemplateLiteral: (node) => {
        for (const part of property(node, 'expressions') as readonly Node[]) {
          if (isArray(part)) context.report({ node: part, messageId: 'template' })
        }
      },
      CallExpression: (node) => {
        const callee = child(node, 'callee')
        const [first] = property(node, 'arguments') as readonly (Node | undefined)[]
        if (callee === null || first === undefined) return
        if (property(callee, 'name') === 'Boolean') test(first)
        if (!isMethod(callee, asking)) return
        const results = typeOf(first)
          .getCallSignatures()
          .map((signature) => signature.getReturnType())
        if (results.some(isTested)) context.report({ node: first, messageId: 'condition' })
      },
    }
  },
}
