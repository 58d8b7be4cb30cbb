/** How far back a recurrent network's gradient reaches. */
import * as Plot from '@observablehq/plot'
import { grad, jit, nn, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { draw, titleMark } from './plot.ts'

/**
 * For each time t, how much the last output of a fresh network depends on its input at t: the norm of the gradient of a
 * random linear function of the last output with respect to `xs[t]`, as the mean over a batch of sequences; `xs` has the
 * shape `[time, batch, features]`. What is farther back than this vanishes cannot be learnt: Bengio et al., "Learning
 * long-term dependencies with gradient descent is difficult" (1994).
 */
export const gradientNorms = <P, C>(cell: nn.Cell<P, C>, xs: NDArray, key: random.Key): readonly number[] => {
  const [forParams, forDirection] = random.split(key)
  const params = cell.init(forParams)
  const direction = random.normal(forDirection, [cell.features])
  const last = (inputs: NDArray): NDArray => {
    const [, ys] = nn.rnn(cell, { timeMajor: true }).apply(params, inputs)
    return np.sum(np.matmul(ys.at(-1).get(), direction))
  }
  const norms = jit((inputs: NDArray) => np.mean(np.linalg.norm(grad(last)(inputs), { axis: -1 }), { axis: -1 }))
  return [...norms(xs).dataSync('float32')]
}

/** A power of ten as it is written by hand. */
const powerOfTen = (value: number): string => {
  const exponent = String(Math.round(Math.log10(value)))
  return `10${Array.from(exponent, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'.charAt(Number(c)))).join('')}`
}

/** Norms over time of some networks, by their names: lines from the last step back to the first. */
export const drawGradientNorms = (title: string, norms: Readonly<Record<string, readonly number[]>>): string => {
  const points = Object.entries(norms).flatMap(([network, line]) =>
    line.map((norm, t) => ({ network, norm, back: line.length - 1 - t })),
  )
  const farthest = Math.max(...points.map(({ back }) => back))
  return draw({
    width: 720,
    height: 400,
    marginTop: 56,
    marginRight: 170,
    marginLeft: 68,
    marginBottom: 44,
    style: { fontFamily: 'sans-serif', fontSize: '12px', background: 'white' },
    x: { label: 'steps from the last output back to the input', labelAnchor: 'center', labelArrow: 'none' },
    y: {
      type: 'log',
      grid: true,
      label: 'norm of the gradient',
      labelAnchor: 'center',
      labelArrow: 'none',
      ticks: 8,
      tickFormat: powerOfTen,
    },
    color: { type: 'categorical' },
    marks: [
      Plot.line(points, { x: 'back', y: 'norm', stroke: 'network', strokeWidth: 2 }),
      Plot.text(
        points.filter(({ back }) => back === farthest),
        { x: 'back', y: 'norm', text: 'network', fill: 'network', textAnchor: 'start', dx: 8 },
      ),
      titleMark(title, 36),
    ],
  })
}
