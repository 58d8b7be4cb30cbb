/** A run as one self-contained page: no script, no font, no network. */
import type { MetricsLine } from '../loop/metricsFile.ts'
import { curveOf, drawCurves } from './curves.ts'
import { drawHeatMap } from './heatMap.ts'
import { label } from './scale.ts'
import { escaped } from './svg.ts'

/** The contents of a report. */
interface ReportContents {
  readonly title: string
  readonly lines: readonly MetricsLine[]
  /** How the run ended. */
  readonly ending: string
  /** What was trained, and how, as text with line breaks. */
  readonly plan: string
  /** The prefix of the metrics in the heat map. */
  readonly layers: string
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#667085;--grid:#e4e7ec;--page:#fff;--panel:#f7f8fa;
--c0:#2563eb;--c1:#c2410c;--c2:#15803d;--c3:#7e22ce;--bad:#dc2626}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#98a2b3;--grid:#333a44;--page:#14171b;--panel:#1c2026;
--c0:#7aa7ff;--c1:#fb9a62;--c2:#5bd08a;--c3:#c69cff;--bad:#ff6b6b}}
body{margin:0 auto;padding:24px;max-width:728px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 4px}p{margin:4px 0}
svg{display:block;max-width:100%;height:auto;font:12px system-ui,sans-serif}
pre{background:var(--panel);padding:12px;overflow-x:auto;font:12.5px/1.45 ui-monospace,monospace;border-radius:6px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:2px 14px 2px 0;text-align:left;font-weight:400}
th,.tick,.legend{color:var(--soft)}.tick{fill:var(--soft);font-size:12px}
.grid{stroke:var(--grid)}.axis{stroke:var(--soft)}.line{fill:none;stroke-width:1.8}.raw{opacity:.32;stroke-width:1}
.key{margin-right:16px}.key b{font-weight:600}.bad{stroke:var(--bad);stroke-dasharray:2 2}.badcell{fill:var(--bad)}
.zero{fill:var(--grid)}rect{shape-rendering:crispEdges}
${[0, 1, 2, 3].map((i) => `.line.c${i}{stroke:var(--c${i})}.dot.c${i}{fill:var(--c${i})}.key.c${i} b{color:var(--c${i})}`).join('\n')}
`

const titles: { readonly [name: string]: string } = {
  loss: 'Loss',
  learningRate: 'Learning rate',
  gradNorm: 'Gradient norm',
}

/** A metric's name without `eval/`: both share a picture. */
const stemOf = (name: string): string => name.replace(/^eval\//, '')

/** Metrics that share a picture, those that matter most first. */
const groupsOf = (lines: readonly MetricsLine[], layers: string): ReadonlyMap<string, readonly string[]> => {
  const names = [...new Set(lines.flatMap(({ metrics }) => Object.keys(metrics)))].filter((n) => !n.startsWith(layers))
  const groups = new Map<string, string[]>(Object.keys(titles).map((stem) => [stem, []]))
  for (const name of names) groups.set(stemOf(name), [...(groups.get(stemOf(name)) ?? []), name])
  return groups
}

const row = (name: string, text: string): string => `<tr><th>${escaped(name)}</th><td>${escaped(text)}</td></tr>`

/** The value of a metric that never changes: it needs no picture. */
const constantOf = (name: string, lines: readonly MetricsLine[]): number | null => {
  const [first, ...others] = curveOf(name, lines).points.map(({ value }) => value)
  if (first === undefined || !Number.isFinite(first) || others.length === 0) return null
  return others.every((value) => value === first) ? first : null
}

/** The last value of each metric of evaluations, and of the loss; and the metrics that never changed. */
const summary = (lines: readonly MetricsLine[], constant: ReadonlyMap<string, number>): readonly string[] => {
  const last = new Map<string, number>()
  for (const { metrics } of lines) for (const [name, x] of Object.entries(metrics)) last.set(name, x)
  const main = [...last].filter(([name]) => name === 'loss' || name.startsWith('eval/'))
  return [
    ...main.map(([name, x]) => row(name, label(x))),
    ...[...constant].map(([name, x]) => row(name, `${label(x)} at each step`)),
  ]
}

/** The page. */
export const reportPage = ({ title, lines, ending, plan, layers }: ReportContents): string => {
  const sections: string[] = []
  const section = (heading: string, body: string | null): void => {
    if (body !== null) sections.push(`<h2>${escaped(heading)}</h2>\n${body}`)
  }
  const constant = new Map<string, number>()
  for (const [stem, names] of groupsOf(lines, layers)) {
    const only = names.length === 1 && !(stem in titles) ? constantOf(names[0]!, lines) : null
    if (only !== null) {
      constant.set(names[0]!, only)
      continue
    }
    const heading = titles[stem] ?? stem
    section(heading, drawCurves(heading, names.slice(0, 4).map((name) => ({ ...curveOf(name, lines), isExact: stem === 'learningRate' })))) // prettier-ignore
    if (stem !== 'gradNorm') continue
    section('Gradient norm by layer and step', drawHeatMap(layers, lines))
  }
  if (plan !== '') section('Plan', `<pre>${escaped(plan)}</pre>`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><h1>${escaped(title)}</h1><p class="legend">${escaped(ending)}</p>
<table>${summary(lines, constant).join('')}</table>
${sections.join('\n')}
</body></html>
`
}
