/**
 * VeRA: Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation" (2024): diag(b) B diag(d) A is added to a weight W. A
 * and B are drawn from a seed, the same for all modules, and frozen; the vectors b and d are trained.
 */
import { ArgumentError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/keys.ts'
import { aKey } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import { Adapter } from '../adapter.ts'
import { productTargets } from '../modelTypes.ts'
import { anAdapter } from './configs.ts'
import type { ApplyOptions } from './lora.ts'
import { denseOf, ScaledLowRank } from './operators.ts'
import type { ProjectionSpec } from './projections.ts'
import { projectionsOf } from './projections.ts'
import type { Changes, ModuleConfig, ModuleOptions, Tuned } from './settings.ts'
import {
  changed,
  changeSaved,
  extentsOf,
  joined,
  leafFinder,
  moduleOptions,
  outputsAxis,
  planModules,
  takeArray,
} from './settings.ts'

/** The settings of VeRA. */
export interface VeraConfig extends ModuleConfig {
  readonly method: 'vera'
  readonly dropout: number
  readonly projection: ProjectionSpec
}

/** Options of `vera.init`. */
export interface VeraOptions extends ModuleOptions {
  /** Rows of A; 256 by default. */
  readonly rank?: number
  /** The initial value of d; 0.1 by default. */
  readonly initialD?: number
  /** The seed of the projections: a whole number below 2³²; 0 by default. */
  readonly projectionSeed?: number
  /** The chance that an input of A is dropped in training; 0 by default. */
  readonly dropout?: number
}

const veraOptions: must.OptionTable<VeraOptions> = {
  ...moduleOptions,
  rank: must.count,
  initialD: must.finite,
  projectionSeed: must.kind(
    'a whole number from 0 to 2³² - 1',
    (x) => must.natural.accepts(x) && (x as number) < 2 ** 32,
  ),
  dropout: must.fraction,
}

const initDoor = must.door('vera.init', { key: aKey, params: must.anything, options: must.optionsOf(veraOptions) })

const init = (key: Key, params: unknown, options: VeraOptions = {}): Adapter<VeraConfig> => {
  initDoor(key, params, options)
  const { rank = 256, initialD = 0.1, projectionSeed: seed = 0, dropout = 0 } = options
  const { modules, saved, config: found } = planModules('vera.init', params, options, productTargets)
  const extents = modules.map(({ module, value, table, outputs }) => {
    if (table) throw new ArgumentError(`vera.init: ${module} is a table of embeddings; VeRA changes linear layers.`)
    return extentsOf(value, outputs)
  })
  const [inputs, outputs] = [0, 1].map((side) => Math.max(...extents.map((extent) => extent[side]!))) as [
    number,
    number,
  ]
  const config: VeraConfig = { method: 'vera', dropout, projection: { seed, rank, inputs, outputs }, ...found }
  const weights = modules.map(({ module }, i) => [
    module,
    { vera_lambda_b: np.zeros([extents[i]![1]]), vera_lambda_d: np.full([rank], initialD, { dtype: 'float32' }) },
  ])
  return new Adapter(config, Object.fromEntries(weights) as Adapter['weights'], saved)
}

const changesOf = <P>(
  operation: string,
  params: P,
  { config, weights, saved }: Adapter<VeraConfig>,
  { key }: ApplyOptions,
): Changes => {
  const find = leafFinder(operation, params, config.untied)
  const { a, b } = projectionsOf(config.projection)
  const changes: Changes = new Map()
  for (const [i, [module, arrays]] of Object.entries(weights).entries()) {
    const { name, value } = find(module)
    const outputs = outputsAxis(config, module, false)
    const [ins, outs] = extentsOf(value, outputs)
    if (ins > a.shape[1]! || outs > b.shape[0]!) {
      throw new ArgumentError(
        `${operation}: ${module} is larger than the projections: the adapter is one of another model.`,
      )
    }
    const d = takeArray(operation, module, arrays, 'vera_lambda_d', [config.projection.rank])
    const outer = takeArray(operation, module, arrays, 'vera_lambda_b', [outs])
    const [thinA, thinB] = [a.get(':', np.slice(0, ins)), b.slice(0, outs)]
    const dropped = { key: key === undefined ? null : random.foldIn(key, i), rate: config.dropout }
    changes.set(name, (leaf) =>
      outputs === 0
        ? new ScaledLowRank(leaf, [thinB, d, thinA], outer, 0, dropped)
        : new ScaledLowRank(leaf, [thinA.T, d, thinB.T], outer, 1, dropped),
    )
  }
  changeSaved(operation, changes, saved)
  return joined(changes, config.untied)
}

const doorOf = (operation: string): must.Door =>
  must.door(operation, {
    params: must.anything,
    adapter: anAdapter('vera'),
    options: must.optionsOf<ApplyOptions>({ key: aKey }),
  })

const applyDoor = doorOf('vera.apply')

const apply = <P>(params: P, adapter: Adapter<VeraConfig>, options: ApplyOptions = {}): Tuned<P> => {
  applyDoor(params, adapter, options)
  return changed('vera.apply', params, changesOf('vera.apply', params, adapter, options)) as Tuned<P>
}

const mergeDoor = doorOf('vera.merge')

const merge = <P>(params: P, adapter: Adapter<VeraConfig>): P => {
  mergeDoor(params, adapter)
  const changes = changesOf('vera.merge', params, adapter, {})
  const dense: Changes = new Map([...changes].map(([name, change]) => [name, (leaf) => denseOf(change(leaf))]))
  return changed('vera.merge', params, dense) as P
}

export const veraFunctions = { init, apply, merge }
