/**
 * What cannot be cloned. The structured clone of `structuredClone`, `postMessage`, IndexedDB and history states copies own
 * properties and drops classes and private fields: of an array it would leave a husk without elements, and say nothing. No object
 * can tell it otherwise, but a symbol among the properties makes it throw, with the symbol's text in its message (Firefox and Safari
 * leave it out).
 */
export const uncloneable = Symbol(
  'Arrays, programs and structures of trees lose their contents in structuredClone and postMessage. ' +
    'Send tree.serialize(x), and tree.deserialize it there; of a program its text, for parseProgram.',
)
