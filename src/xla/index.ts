/**
 * `pullback/xla`: programs compiled by XLA, through PJRT plugins.
 *
 * @module pullback/xla
 */
export type { XlaDevice, XlaMemory } from './device.ts'
export { XlaError } from './errors.ts'
export type { BadPlugin, NoForeignFunctions, NoPlugin, RefusedPlugin, XlaFailure } from './errors.ts'
export { xla } from './open.ts'
export type { XlaOptions } from './open.ts'
export { findPlugins } from './plugin.ts'
export type { PluginFile, PluginSearch } from './plugin.ts'
