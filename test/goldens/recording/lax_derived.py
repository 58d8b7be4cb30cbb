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
    halves = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.2, -0.2, 0.7, -0.0, np.nan, np.inf, -np.inf]
    r.case("lax.round", "halves", np.array([*halves, 0.49999997, 8388607.5, 1e10], np.float32))
    r.case("lax.round", "halves, float64", np.array([*halves, 0.49999999999999994, 2.0**52 - 0.5]), x64=True)
    r.derivatives("lax.round", "halves", np.array([0.5, -1.5, 0.3], np.float32))
    for name in ["reduceMax", "reduceMin"]:
        for dtype in ["float32", "int32", "uint32", "bool"]:
            r.case(f"lax.{name}", f"nothing, {dtype}", np.zeros((2, 0), dtype), [1])
            r.case(f"lax.{name}", f"nothing in nothing, {dtype}", np.zeros((2, 0), dtype), [0])
        r.case(f"lax.{name}", "nothing, float64", np.zeros((0, 3)), [0, 1], x64=True)
        r.derivatives(f"lax.{name}", "nothing", np.zeros((2, 0), np.float32), [1])
    for dtype in ["float32", "int32", "uint32", "bool"]:
        nothing, places = np.zeros((2, 0), dtype), np.zeros((2, 3), np.int32)
        r.case("np.takeAlongAxis", f"nothing, {dtype}", nothing, places, 1)
    r.case("np.takeAlongAxis", "nothing, of no places", np.zeros((2, 0), np.float32), np.zeros((2, 0), np.int32), 1)
    r.case("np.takeAlongAxis", "along the other axis", np.zeros((0, 2), np.float32), np.zeros((1, 3), np.int32), 1)
    for what, x, y in [("unsigned", np.array([7, 9], np.uint32), -2.5), ("integers", np.array([7, -7], np.int32), 2.5)]:
        r.case("np.floorDivide", f"{what} by a number", x, y)
