/** Observable Plot without a browser. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

const { document } = parseHTML('<html><body></body></html>')

/** A figure of Plot's, as the text of an SVG file. */
export const draw = (options: Plot.PlotOptions): string => {
  const figure = Plot.plot({
    document,
    style: { fontFamily: 'sans-serif', background: 'white' },
    ...options,
  }) as unknown as { readonly outerHTML: string; setAttribute(name: string, value: string): void }
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return figure.outerHTML
}

/** A title above a figure's frame, so many pixels away: Plot's own are HTML, which an SVG file cannot have. */
export const titleMark = (title: string, above: number): Plot.Markish =>
  Plot.text([title], { frameAnchor: 'top-left', dy: -above, fontSize: 14, fontWeight: 'bold', textAnchor: 'start' })
