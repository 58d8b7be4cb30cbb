/** Shapes, axes and indices that do not fit. */
import { grad, jvp, lax, linearTranspose, nn, np, optim, random, vjp, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import type { Mistake } from './support/mistakes.ts'
import { two, three, as, describeMistakes } from './support/mistakes.ts'

const shapes: readonly Mistake[] = [
  { what: 'broadcasting', does: () => np.add(two, three), throws: 'ShapeError', saying: [/add/, /\[2\]/, /\[3\]/] },
  {
    what: 'matmul',
    does: () => np.matmul(np.ones([2, 3]), np.ones([2, 3])),
    throws: 'ShapeError',
    saying: [/matmul/, /2.*3/],
  },
  { what: 'reshape', does: () => np.reshape(three, [2, 2]), throws: 'ShapeError', saying: [/reshape/, /3/, /2/] },
  {
    what: 'an axis out of range',
    does: () => np.sum(three, { axis: 1 }),
    throws: 'ShapeError',
    saying: [/sum/, /axis/, /1/],
  },
  {
    what: 'an axis named twice',
    does: () => np.sum(np.ones([2, 2]), { axis: [0, -2] }),
    throws: 'ShapeError',
    saying: [/axis|axes/],
  },
  {
    what: 'tangents of another shape',
    does: () => jvp(np.sin, [two], [three]),
    throws: 'ShapeError',
    saying: [/jvp: the tangent at \[0\] is f32\[3\], its value f32\[2\]/],
  },
  {
    what: 'cotangents of another shape',
    does: () => vjp((x: NDArray) => ({ y: np.sin(x) }), two)[1]({ y: three }),
    throws: 'ShapeError',
    saying: [/vjp: the cotangent at \.y is f32\[3\], its value f32\[2\]/],
  },
  {
    what: 'cotangents of another shape, of a transpose',
    does: () => linearTranspose((x: NDArray) => np.multiply(x, 2), two)(three),
    throws: 'ShapeError',
    saying: [/linearTranspose: the cotangent is f32\[3\]/],
  },
  {
    what: 'updates of another shape',
    does: () => optim.applyUpdates({ layers: [{ w: two }] }, { layers: [{ w: three }] }),
    throws: 'ShapeError',
    saying: [/optim\.applyUpdates: the update at \.layers\[0\]\.w is f32\[3\], its parameter f32\[2\]/],
  },
  {
    what: 'updates that would broadcast',
    does: () => optim.applyUpdates(two, np.ones([3, 2])),
    throws: 'ShapeError',
    saying: [/the update is f32\[3,2\], its parameter f32\[2\]/],
  },
  { what: 'max of nothing', does: () => np.max(np.zeros([0])), throws: 'ShapeError', saying: [/max/i] },
  {
    what: 'concatenate',
    does: () => np.concatenate([np.ones([2, 2]), np.ones([3, 3])]),
    throws: 'ShapeError',
    saying: [/concatenate/],
  },
  { what: 'stack', does: () => np.stack([two, three]), throws: 'ShapeError', saying: [/stack|shape/] },
  { what: 'ragged nested arrays', does: () => np.array([[1, 2], [3]]), throws: 'ShapeError', saying: [/rectangular/] },
  {
    what: 'einsum',
    does: () => np.einsum('ij,jk->ik', np.ones([2, 3]), np.ones([2, 3])),
    throws: 'ShapeError',
    saying: [/einsum/, /j/],
  },
  {
    what: 'grad of a vector function',
    does: () => grad((x: NDArray) => x)(three),
    throws: 'ShapeError',
    saying: [/grad/, /scalar/, /jacrev/],
  },
  {
    what: 'a linear layer',
    does: () => nn.linear(3, 2).apply(nn.linear(3, 2).init(random.key(0)), two),
    throws: 'ShapeError',
    saying: [/nn\.linear/, /3/],
  },
  { what: 'sizes under vmap', does: () => vmap(np.add)(two, three), throws: 'ShapeError', saying: [/vmap/, /2/, /3/] },
  {
    what: 'a batch axis out of range',
    does: () => vmap(np.sin)(np.array(1)),
    throws: 'ShapeError',
    saying: [/vmap/, /rank 0/],
  },
  {
    what: 'lax does not broadcast',
    does: () => lax.add(two, np.ones([2, 2])),
    throws: 'ShapeError',
    saying: [/add/, /np broadcast/],
  },
  {
    what: 'squared errors of other shapes',
    does: () => optim.squaredError(two, np.ones([2, 1])),
    throws: 'ShapeError',
    saying: [/squaredError/, /one shape/],
  },
  {
    what: 'a key of another shape',
    does: () => random.normal(three, [2]),
    throws: 'ShapeError',
    saying: [/key/, /random\.key/],
  },
  {
    what: 'a number for a shape',
    does: () => random.normal(random.key(0), as(3)),
    throws: 'ShapeError',
    saying: [/random\.normal/, /list of extents/],
  },
]

const indices: readonly Mistake[] = [
  { what: 'too many indices', does: () => three.at(0, 0).get(), throws: 'IndexError', saying: [/2/, /rank 1|1 ax/] },
  {
    what: 'two ellipses',
    does: () => np.ones([2, 2]).at('...', '...').get(),
    throws: 'IndexError',
    saying: [/\.\.\./],
  },
]

describeMistakes('shapes', shapes)

describeMistakes('indices', indices)
