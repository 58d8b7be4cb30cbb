/** W1: products of float32 matrices. */
import { symmetric } from './data.ts'
import type { Rows } from './row.ts'

export type Product = 'W1.256' | 'W1.512' | 'W1.1024' | 'W1.layer'

/** An m × k matrix times a k × n one. */
export const sizes: { readonly [P in Product]: readonly [m: number, k: number, n: number] } = {
  'W1.256': [256, 256, 256],
  'W1.512': [512, 512, 512],
  'W1.1024': [1024, 1024, 1024],
  'W1.layer': [128, 784, 512],
}

export const operands = (product: Product): readonly [a: Float32Array<ArrayBuffer>, b: Float32Array<ArrayBuffer>] => {
  const [m, k, n] = sizes[product]
  return [symmetric(1, m * k, 1), symmetric(2, k * n, 1)]
}

const square = { timesFaster: 1.4, gigaflops: 80 }
const flops = (product: Product): number => sizes[product].reduce((a, b) => a * b, 2)

export const rows: Rows<Product> = {
  'W1.256': { what: 'matmul 256 × 256 × 256', agreement: 'elements', target: square, flops: flops('W1.256') },
  'W1.512': { what: 'matmul 512 × 512 × 512', agreement: 'elements', target: square, flops: flops('W1.512') },
  'W1.1024': { what: 'matmul 1024 × 1024 × 1024', agreement: 'elements', target: square, flops: flops('W1.1024') },
  'W1.layer': {
    what: 'matmul 128 × 784 × 512',
    agreement: 'elements',
    target: { timesFaster: 1.4 },
    flops: flops('W1.layer'),
  },
}
