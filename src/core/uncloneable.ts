/**
 * Makes objects uncloneable. The structured clone of `structuredClone`, `postMessage`, IndexedDB and history states copies own
 * properties and drops classes and private fields: a clone of an array would silently be an object without elements. No object
 * can change that, but a symbol among its properties makes cloning throw, with the symbol's text in the message (Firefox and
 * Safari leave it out).
 */
export const uncloneable = Symbol(
  'Arrays, programs and structures of trees lose their contents in structuredClone and postMessage. ' +
    'Send tree.serialize(x), and tree.deserialize it there; of a program its text, for parseProgram.',
)
