/** XLA where there is a plugin; and what stands in the names of tests that are skipped. */
import type { XlaDevice } from 'pullback/xla'
import { findPlugins, xla } from 'pullback/xla'

const { plugins } = await findPlugins()
const opened = plugins.length === 0 ? null : await xla()()
// A plugin that is there and does not open is a failure, not a reason to skip.
if (opened?._tag === 'Left') throw new Error(opened.left.message)

/** Null where no plugin is found. */
export const device: XlaDevice | null = opened === null ? null : opened.right

export const title =
  device === null ? ' (skipped: no PJRT plugin; pip install lammps-jax-pjrt-cpu, or set PULLBACK_PJRT_PLUGIN)' : ''
