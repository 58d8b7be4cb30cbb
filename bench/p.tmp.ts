import { withDevice } from '../src/runtime/devices.ts'
const [lib, family, row, device, n] = process.argv.slice(2)
const { library } = await import(`./contestants/${lib}/library.ts`)
await library.setUp(false)
const works = await library.families[family!]()
const run = (f: () => unknown) => (device === '-' ? f() : withDevice(device as 'wasm', f))
const w = run(() => works[row!]()) as any
const out: unknown[] = []
const ts: number[] = []
for (let i = 0; i < Number(n); i++) {
  const s = performance.now()
  out.push(await run(() => w.run()))
  ts.push(performance.now() - s)
}
console.log(
  lib,
  row,
  device,
  'first',
  ts[0]!.toFixed(1),
  'min',
  Math.min(...ts).toFixed(3),
  'ms',
  out
    .slice(0, 10)
    .map((x) => Number(x).toFixed(5))
    .join(' '),
)
process.exit()
