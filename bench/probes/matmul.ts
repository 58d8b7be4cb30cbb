/**
 * How fast matrix products are, on one thread: the routines alone, without the compiler.
 *
 *     npx tsx --conditions=source bench/probes/matmul.ts [part of a name]
 *
 * Times are the least of many, by the processor's clock where a run is long enough, as a busy machine takes its time away.
 */
import type { MatmulSpec, MatrixStrides } from '../../src/backends/wasm/kernels/matmul.ts'
import { matmulLibrary as library, matmulRoutine } from '../../src/backends/wasm/kernels/matmul.ts'
import { Aval } from '../../src/core/aval.ts'
import { allocate } from '../../src/core/dtype.ts'
import type { HostArray } from '../../src/core/host.ts'
import { sizeOf, stridesOf } from '../../src/core/shape.ts'
import { prepareRoutine } from '../../test/backends/wasm/support/routine.ts'

type DType = MatmulSpec['dtype']

/** `128x784x512` is m × k × n; A or B after it says which is transposed in memory, `32*` before it how many there are. */
const shapes = [
  ...[64, 128, 256, 512, 1024].map((n) => `${n}x${n}x${n}`),
  ...['A', 'B', 'AB'].map((turned) => `512x512x512 ${turned}`),
  '128x784x512',
  '128x512x784 B',
  '784x128x512 A',
  '128x256x10',
  '32*128x64x128',
  '32*128x64x128 B',
  '32*128x128x64 A',
  '1000*3x3x3',
  '1000*8x8x8',
  '1x2048x4096',
  '1x2048x4096 B',
  '4096x2048x1',
  '4096x2048x1 A',
  '1x1048576x1',
  '4x784x512',
  '16x784x512',
  '16x784x512 B',
  '1024x10x100',
  '10x1024x100 A',
  '1024x1x1024',
  '4096x64x3',
]

const specOf = (name: string, dtype: DType): MatmulSpec => {
  const [, count, rows, depth, cols, turned] = /^(?:(\d+)\*)?(\d+)x(\d+)x(\d+) ?(A?B?)$/.exec(name)!
  const [m, k, n] = [Number(rows), Number(depth), Number(cols)]
  const batch = count === undefined ? [] : [Number(count)]
  const strides = (height: number, width: number, other: boolean): MatrixStrides => ({
    batch: stridesOf([...batch, height, width]).slice(0, -2),
    row: other ? 1 : width,
    col: other ? height : 1,
  })
  return { dtype, batch, m, n, k, a: strides(m, k, turned!.includes('A')), b: strides(k, n, turned!.includes('B')) }
}

/** The time of a run in milliseconds, of `times` one after the other. */
const timeOf = (run: () => void, times: number): number => {
  const before = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < times; i++) run()
  const wall = performance.now() - start
  const { user, system } = process.cpuUsage(before)
  return Math.min(wall, wall > 3 ? (user + system) / 1000 : wall) / times
}

const measure = (run: () => void): number => {
  const start = performance.now()
  let warm = 0
  for (; performance.now() - start < 200; warm++) run()
  const times = Math.max(1, Math.floor(warm / 100))
  return Math.min(...Array.from({ length: 60 }, () => timeOf(run, times)))
}

const wanted = process.argv[2] ?? ''
for (const dtype of ['float32', 'float64'] as const) {
  for (const name of shapes.filter((shape) => `${dtype} ${shape}`.includes(wanted))) {
    const spec = specOf(name, dtype)
    const { batch, m, n, k } = spec
    const random = (size: number): HostArray => ({
      aval: new Aval(dtype, [size]),
      data: (allocate(dtype, size) as Float64Array).map((_, i) => Math.sin(i)),
    })
    const count = sizeOf(batch)
    const operands = [random(count * m * k), random(count * k * n)]
    const output = new Aval(dtype, [...batch, m, n])
    const { run } = prepareRoutine(matmulRoutine(spec), operands, [output], { library })
    const time = measure(run)
    const bytes = operands.reduce(
      (sum, x) => sum + x.data.byteLength,
      output.size * operands[0]!.data.BYTES_PER_ELEMENT,
    )
    const [gflops, rate] = [(2 * count * m * n * k) / time / 1e6, bytes / time / 1e6]
    const microseconds = (time * 1000).toFixed(2).padStart(10)
    console.log(
      `${dtype} ${name.padEnd(18)} ${microseconds} µs ${gflops.toFixed(1).padStart(6)} GFLOP/s ${rate.toFixed(1).padStart(6)} GB/s`,
    )
  }
}
