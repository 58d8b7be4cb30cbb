/**
 * `pullback/interpret`: why a model says what it says, and how far it can be trusted.
 *
 * @module pullback/interpret
 */
export {}
