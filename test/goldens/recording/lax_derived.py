"""What lax makes of its operations, and a few functions of numpy's that are about shapes and types."""

import jax.numpy as jnp
import numpy as np

from . import numpy_pieces  # noqa: F401 (composites)
from .composites import composites

composites |= {
    "pieces.maskIndices": lambda n, k: list(jnp.mask_indices(n, jnp.triu, k)),
    "pieces.partitioned": lambda x, k: jnp.partition(x, k)[..., k],
    "pieces.resultType": lambda x, y: jnp.result_type(x, y).name,
}


def record(r):
    x, cube = r.normal(3, 4), r.normal(2, 3, 4)
    place, beyond = np.int32(2), np.int32(-1)
    r.case("lax.broadcast", "two axes", x, [2, 1])
    r.case("lax.broadcast", "a number", np.float32(2), [3])
    for start, stop in [(0, 2), (1, 3), (0, 3)]:
        r.case("lax.collapse", f"{start} to {stop}", cube, start, stop)
    r.case("lax.dot", "matrices", x, r.normal(4, 2))
    r.case("lax.dot", "vectors", r.normal(3), r.normal(3))
    r.case("lax.dot", "a matrix and a vector", x, r.normal(4))
    for what, i in [("inside", place), ("from the end", beyond), ("beyond", np.int32(9))]:
        r.case("lax.dynamicIndexInDim", what, x, i, 1)
        r.case("lax.dynamicIndexInDim", f"{what}, without the axis", x, i, 0, False)
        r.case("lax.dynamicSliceInDim", what, x, i, 2, 1)
        r.case("lax.dynamicUpdateIndexInDim", what, x, r.normal(3), i, 1)
        r.case("lax.dynamicUpdateSliceInDim", what, x, r.normal(2, 4), i, 0)
    r.derivatives("lax.dynamicSliceInDim", "inside", x, place, 2, 1)
    r.derivatives("lax.dynamicUpdateSliceInDim", "both", x, r.normal(2, 4), place, 0, wrt=(0, 1))
    r.case("lax.expandDims", "two", x, [0, 2])
    r.case("lax.expandDims", "last", x, [2])
    r.case("lax.squeeze", "one of two", r.normal(1, 3, 1), [2])
    r.case("lax.squeeze", "both", r.normal(1, 3, 1), [0, 2])
    r.case("lax.fullLike", "floats", x, 1.5)
    r.case("lax.fullLike", "integers", r.integers(3), 7)
    for i in [1, -1]:
        r.case("lax.indexInDim", f"{i}", x, i, 1)
        r.case("lax.indexInDim", f"{i}, without the axis", x, i, 0, False)
    for name in ["square", "reciprocal"]:
        r.case(f"lax.{name}", "a matrix", x)
        r.case(f"lax.{name}", "zeros", np.array([0.0, -0.0, np.inf], np.float32))
        r.derivatives(f"lax.{name}", "positive", r.positive(3))
    which = np.array([0, 2, 1, 1], np.int32)
    r.case("lax.selectN", "three", which, *(r.normal(4) for _ in range(3)))
    r.case("lax.selectN", "two, by a bool", which > 0, r.normal(4), r.normal(4))
    r.derivatives("lax.selectN", "three", which, *(r.normal(4) for _ in range(3)), wrt=(1, 2, 3))
    for axis in [0, 1]:
        r.case("lax.sortKeyVal", f"axis {axis}", r.normal(3, 4), r.integers(3, 4), axis)
    r.case("lax.split", "two", cube, [1, 2], 1)
    r.case("lax.split", "one empty", cube, [0, 2], 0)
    r.case("np.histogramBinEdges", "a range", x, bins=4, range=[0.0, 2.0])
    r.case("np.histogramBinEdges", "floats", x, bins=2)
    r.case("pieces.ix", "three", *(np.array(v, np.int32) for v in ([0, 2], [1], [3, 3, 1])))
    for k in [-1, 0, 1]:
        r.case("pieces.maskIndices", f"{k}", 3, k)
    for k in [0, 2, -1]:
        r.case("pieces.partitioned", f"{k}", x, k)
    r.case("pieces.fromfunction", "one row", [1, 4])
    r.case("pieces.overAxes", "one", cube, [-1])
    for a, b in [("int32", "float64"), ("int8", "int32"), ("float16", "float32")]:
        r.case("pieces.resultType", f"{a} with {b}", np.zeros(1, a), np.zeros(1, b), x64=True)
