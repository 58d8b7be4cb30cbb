"""Arrays joined, cut and turned; elements chosen and replaced; sets; grids; products; tensor equations."""

import jax.numpy as jnp
import numpy as np

from .composites import composites

composites |= {
    "pieces.meshgrid": lambda xs, **options: list(jnp.meshgrid(*xs, **options)),
    "pieces.ix": lambda *xs: list(jnp.ix_(*xs)),
    "pieces.uniqueAll": lambda x, **options: list(jnp.unique_all(x, **options)),
    "pieces.uniqueSlices": lambda x, **options: list(
        jnp.unique(x, return_index=True, return_inverse=True, return_counts=True, **options)
    ),
    "pieces.fillDiagonal": lambda x, v, **options: jnp.fill_diagonal(x, v, inplace=False, **options),
    "pieces.put": lambda x, i, v, **options: jnp.put(x, i, v, inplace=False, **options),
    "pieces.place": lambda x, m, v: jnp.place(x, m, v, inplace=False),
    "pieces.putAlongAxis": lambda x, i, v, axis: jnp.put_along_axis(x, i, v, axis, inplace=False),
    "pieces.piecewise": lambda x: jnp.piecewise(x, [x < 0, x > 1], [lambda v: v**2, 7, lambda v: 3 * v]),
    "pieces.piecewiseTwo": lambda x: jnp.piecewise(x, [x < 0], [lambda v: -v]),
    "pieces.select": lambda x, y: jnp.select([x > 1, x > 0], [x, y], 0.5),
    "pieces.choose": lambda i, xs, mode: jnp.choose(i, xs, mode=mode),
    "pieces.alongAxis": lambda x, axis: jnp.apply_along_axis(lambda v: jnp.cumsum(v) * v[0], axis, x),
    "pieces.toMatrices": lambda x, axis: jnp.apply_along_axis(lambda v: jnp.outer(v, v), axis, x),
    "pieces.overAxes": lambda x, axes: jnp.apply_over_axes(jnp.sum, x, axes),
    "pieces.vectorized": lambda a, x: jnp.vectorize(lambda a, x: a @ x, signature="(n,m),(m)->(n)")(a, x),
    "pieces.vectorizedNumbers": lambda x, y: jnp.vectorize(lambda x, y: jnp.where(x > y, x * y, 0.0))(x, y),
    "pieces.fromfunction": lambda shape: jnp.fromfunction(lambda i, j: i * 10 + j, shape, dtype=jnp.float32),
    "pieces.append": lambda x, y: jnp.append(x, y, axis=0),
}


def record(r):
    joined(r)
    changed(r)
    chosen(r)
    replaced(r)
    sets(r)
    grids(r)
    mapped(r)
    products(r)
    slices(r)


def joined(r):
    x, v = r.normal(2, 3), r.normal(3)
    r.case("np.concat", "two", [x, x])
    r.case("np.concat", "in one axis", [x, v], axis=None)
    r.case("np.permuteDims", "three axes", r.normal(2, 3, 2), [2, 0, 1])
    r.case("np.permuteDims", "two axes", x, [1, 0])
    r.case("np.matrixTranspose", "a batch", r.normal(2, 3, 2))
    r.case("np.matrixTranspose", "a matrix", x)
    r.case("np.broadcastArrays", "two", x, v)
    r.case("np.broadcastArrays", "three", v, r.normal(2, 1), np.float32(1))
    for what, a in [("a number", np.float32(2)), ("a vector", v), ("a matrix", x), ("rank 4", r.normal(1, 2, 1, 2))]:
        r.case("np.atleast3d", what, a)
    r.case("np.columnStack", "vectors and a matrix", [v, r.normal(3, 2), v])
    r.case("np.columnStack", "numbers", [np.float32(1), np.float32(2)])
    r.case("np.dstack", "vectors", [v, v])
    r.case("np.dstack", "matrices", [x, x])
    r.case("np.block", "two rows", [[x, r.normal(2, 1)], [r.normal(1, 4)]])
    r.case("np.block", "one row", [v, v])
    r.case("np.block", "a number", np.float32(4))
    for name, args in [("arraySplit", (x, 2)), ("hsplit", (r.normal(2, 4), 2)), ("vsplit", (x, 2)), ("dsplit", (r.normal(1, 2, 4), 2))]:
        r.case(f"np.{name}", "two", *args)
    r.case("np.arraySplit", "more parts than elements", v, 5)
    r.case("np.arraySplit", "places", x, [1, 2], axis=1)
    r.case("np.hsplit", "a vector", r.normal(4), 2)
    r.case("np.vsplit", "places", r.normal(4, 2), [1, 3])
    r.case("np.dsplit", "places", r.normal(1, 2, 4), [1])
    r.derivatives("pieces.append", "both", x, r.normal(1, 3), wrt=(0, 1))


def changed(r):
    x, cube = r.normal(3, 4), r.normal(2, 3, 4)
    for name in ["flipud", "fliplr"]:
        r.case(f"np.{name}", "a matrix", x)
        r.case(f"np.{name}", "rank 3", cube)
    for k in [-1, 0, 1, 2, 3, 6]:
        r.case("np.rot90", f"{k}", x, k)
    r.case("np.rot90", "other axes", cube, 1, axes=[2, 0])
    r.derivatives("np.rot90", "once", x, 1)
    for axis, start in [(2, 0), (0, 3), (1, 2), (-1, 1), (0, -1)]:
        r.case("np.rollaxis", f"{axis}, {start}", cube, axis, start)
    r.case("np.append", "everything", x, r.normal(2))
    r.case("np.append", "an axis", x, r.normal(3, 1), axis=1)
    r.case("np.delete", "a place", x, 1)
    r.case("np.delete", "places, axis 1", x, np.array([0, -1], np.int32), axis=1)
    r.case("np.delete", "a slice", x, slice(0, 3, 2), axis=0)
    r.case("np.insert", "one", r.normal(4), 2, np.float32(9))
    r.case("np.insert", "several at one place", r.normal(4), 2, r.normal(3))
    r.case("np.insert", "at several places", r.normal(4), np.array([3, 0, 3], np.int32), r.normal(3))
    r.case("np.insert", "a column", x, 1, r.normal(3), axis=1)
    r.case("np.insert", "a row of one number", x, -1, np.float32(5), axis=0)
    r.case("np.insert", "columns", x, np.array([0, 4], np.int32), r.normal(3, 2), axis=1)
    r.case("np.insert", "everything", x, np.array([1, 2], np.int32), np.float32(7))
    r.derivatives("np.insert", "columns", x, np.array([0, 4], np.int32), r.normal(3, 2), wrt=(0, 2), axis=1)
    r.case("np.resize", "larger", x, [5, 3])
    r.case("np.resize", "smaller", x, [2])
    r.case("np.resize", "of nothing", np.zeros(0, np.float32), [2])
    zeros = np.array([0, 0, 3, 0, 4, 0], np.float32)
    for trim in ["f", "b", "fb"]:
        r.case("np.trimZeros", trim, zeros, trim)
    r.case("np.trimZeros", "nothing else", np.zeros(3, np.float32), "fb")


def chosen(r):
    x, y = r.normal(3, 4, scale=2), r.normal(4)
    r.case("pieces.select", "three", x, y)
    r.derivatives("pieces.select", "three", x, y, wrt=(0, 1))
    r.case("pieces.piecewise", "three", x)
    r.case("pieces.piecewiseTwo", "none holds", x)
    r.derivatives("pieces.piecewise", "three", x)
    i = np.array([[0, 2, 5], [-1, 1, 0]], np.int32)
    for mode in ["clip", "wrap"]:
        r.case("pieces.choose", mode, i, [r.normal(3), r.normal(2, 3), np.float32(1)], mode)
    keep = np.array([True, False, True])
    r.case("np.compress", "axis 0", keep, x, axis=0)
    r.case("np.compress", "axis 1", np.array([True, False, True, True]), x, axis=1)
    r.case("np.compress", "everything, short", keep, x)
    r.case("np.compress", "a size", keep, x, axis=0, size=3, fill_value=-1)
    r.derivatives("np.compress", "axis 0", keep, x, wrt=(1,), axis=0, size=2)
    r.case("np.extract", "positive", x > 0, x)
    r.case("np.extract", "a size", x > 0, x, size=4)
    r.case("np.diagflat", "a vector", r.normal(3), 1)
    r.case("np.diagflat", "a matrix", r.normal(2, 2), -1)


def replaced(r):
    x = r.normal(3, 4)
    r.case("pieces.fillDiagonal", "a number", x, np.float32(9))
    r.case("pieces.fillDiagonal", "a vector", x, r.normal(2))
    r.case("pieces.fillDiagonal", "tall", r.normal(7, 3), np.float32(9))
    r.case("pieces.fillDiagonal", "rank 3", r.normal(2, 2, 2), np.float32(9))
    r.derivatives("pieces.fillDiagonal", "both", x, r.normal(3), wrt=(0, 1))
    i = np.array([0, -1, 5, 20], np.int32)
    r.case("pieces.put", "moved inside", x, i, np.float32(9))
    for mode in ["clip", "wrap"]:
        r.case("pieces.put", mode, x, i, np.float32(9), mode=mode)
    r.case("pieces.put", "values over and over", x, i[:3], r.normal(2), mode="clip")
    r.derivatives("pieces.put", "both", x, i, r.normal(4), wrt=(0, 2))
    r.case("pieces.place", "values over and over", x, x > 0, r.normal(3))
    r.case("pieces.place", "nowhere", x, x > 100, r.normal(3))
    rows = np.array([[0], [2], [1]], np.int32)
    r.case("pieces.putAlongAxis", "axis 1", x, rows, r.normal(3, 1), 1)
    r.case("pieces.putAlongAxis", "axis 0, broadcast", x, np.array([[0, 1, 2, 2]], np.int32), np.float32(9), 0)
    r.derivatives("pieces.putAlongAxis", "both", x, rows, r.normal(3, 1), 1, wrt=(0, 2))


def slices(r):
    """`unique` of slices."""
    n = np.array([[1, 0, 1, 1], [0, 2, 0, 0], [1, 0, 1, 1], [0, 1, 0, 5]], np.int32)
    odd = np.array([[np.nan, 1], [0.0, -0.0], [np.nan, 1], [-0.0, 0.0], [np.inf, -1], [1, np.nan]], np.float32)
    cube = np.stack([n, n.T, n], axis=1)
    for what, x, axis in [
        ("rows", n, 0), ("columns", n, 1), ("columns, from the end", n, -1), ("matrices", cube, 1), ("bools", n > 0, 0),
        ("bytes", n.astype(np.uint8), 1), ("odd numbers", odd, 0), ("a vector", n[0], 0), ("of nothing", n[:, :0], 0),
        ("one", n[:1], 0),
    ]:  # fmt: skip
        r.case("pieces.uniqueSlices", what, x, axis=axis, tol=0 if what != "odd numbers" else None)
    r.case("pieces.uniqueSlices", "NaN each", odd, axis=0, equal_nan=False)
    r.case("np.unique", "rows, cut", n, axis=0, size=2)
    r.case("np.unique", "rows, padded", n, axis=0, size=5)
    r.case("np.unique", "columns, filled", n, axis=1, size=5, fill_value=-7)
    r.case("np.unique", "no rows", n[:0], axis=0)
    r.derivatives("np.unique", "rows", odd[[5, 4, 1]], axis=1, size=2)


def sets(r):
    n, m = r.integers(3, 4, low=-2, high=4), r.integers(6, low=0, high=7)
    odd = np.array([np.nan, 2, -0.0, 0, np.nan, 2, np.inf], np.float32)
    for what, x in [("integers", n), ("floats", odd[1:4]), ("NaN", odd)]:
        r.case("np.unique", what, x, tol=None if what == "NaN" else 0)
        r.case("pieces.uniqueAll", what, x)
    r.case("np.unique", "cut", n, size=2)
    r.case("np.unique", "padded", n, size=9)
    r.case("np.unique", "filled", n, size=9, fill_value=-7)
    r.case("pieces.uniqueAll", "padded", n, size=8)
    r.case("np.unique", "nothing", n[:0], size=2, fill_value=3)
    r.derivatives("np.unique", "floats", np.array([3, 1, 3, 2], np.float32), size=3, modes=("vjp",))
    for what, x, options in [("a matrix", n, {}), ("padded", n, {"size": 14}), ("filled", n, {"size": 14, "fill_value": -1}), ("cut", n, {"size": 3})]:
        for name in ["nonzero", "flatnonzero", "argwhere"]:
            r.case(f"np.{name}", what, x, **options)
    r.case("np.nonzero", "a vector", odd)
    for invert in [False, True]:
        r.case("np.isin", f"invert {invert}", n, m, invert=invert)
        r.case("np.isin", f"NaN, invert {invert}", odd, odd[:3], invert=invert)
        r.case("np.isin", f"in nothing, invert {invert}", n, m[:0], invert=invert)
    r.case("np.isin", "floats in integers", odd, m)
    for name in ["intersect1d", "union1d", "setdiff1d", "setxor1d"]:
        r.case(f"np.{name}", "integers", n, m)
        r.case(f"np.{name}", "floats", r.normal(4, digits=0), r.normal(5, digits=0))
    r.case("np.setdiff1d", "a size", n, m, size=7, fill_value=9)
    r.case("np.intersect1d", "a size", n, m, size=2)
    r.case("np.union1d", "a size", n, m, size=12)


def grids(r):
    a, b, c = r.normal(2), r.normal(3), r.normal(2)
    for options in [{}, {"indexing": "ij"}, {"sparse": True}, {"indexing": "ij", "sparse": True}]:
        r.case("pieces.meshgrid", f"two, {options}", [a, b], **options)
        r.case("pieces.meshgrid", f"three, {options}", [a, b, c], **options)
    r.case("pieces.meshgrid", "one", [a])
    r.case("np.indices", "two axes", [2, 3])
    r.case("np.indices", "one axis", [4])
    r.case("pieces.ix", "two", np.array([0, 2], np.int32), np.array([1, 1, 0], np.int32))
    for args in [(3,), (2, 4), (3, 3, 1), (3, 4, -1)]:
        r.case("np.tri", f"{args}", *args)
    for name in ["trilIndices", "triuIndices"]:
        for args in [(3,), (3, 1), (4, -1, 3), (2, 0, 5)]:
            r.case(f"np.{name}", f"{args}", *args)
    r.case("np.diagIndices", "2 axes", 3)
    r.case("np.diagIndices", "3 axes", 2, 3)
    i = np.array([5, 0, -1, 100], np.int32)
    r.case("np.unravelIndex", "a vector", i, [2, 3])
    r.case("np.unravelIndex", "rank 3", i[:2], [2, 2, 2])
    for mode in ["clip", "wrap"]:
        r.case("np.ravelMultiIndex", mode, [np.array([0, 1, 5], np.int32), np.array([2, -1, 1], np.int32)], [2, 3], mode=mode)
    r.case("np.logspace", "defaults", 0, 2, 5)
    r.case("np.logspace", "a base", -1, 3, 4, base=2, endpoint=False)
    r.case("np.geomspace", "up", 1, 256, 5)
    r.case("np.geomspace", "down, negative", -100, -1, 4, endpoint=False)
    r.case("pieces.fromfunction", "two axes", [2, 3])


def mapped(r):
    x = r.normal(2, 3, 4)
    for axis in [0, 1, -1]:
        r.case("pieces.alongAxis", f"{axis}", x, axis)
        r.case("pieces.toMatrices", f"{axis}", x, axis)
    r.derivatives("pieces.alongAxis", "1", x, 1)
    r.case("pieces.overAxes", "two", x, [0, 2])
    r.case("pieces.vectorized", "broadcast", r.normal(2, 1, 3, 4), r.normal(5, 4))
    r.case("pieces.vectorized", "no further axes", r.normal(3, 4), r.normal(4))
    r.derivatives("pieces.vectorized", "broadcast", r.normal(2, 3, 4), r.normal(4), wrt=(0, 1))
    r.case("pieces.vectorizedNumbers", "broadcast", r.normal(3), r.normal(2, 1))


def products(r):
    a, b = r.normal(2, 3), r.normal(2, 3)
    r.case("np.vdot", "matrices", a, b)
    r.case("np.vdot", "integers", r.integers(3), r.integers(3))
    for name in ["np.vecdot", "np.linalg.vecdot"]:
        r.case(name, "matrices", a, b)
        r.case(name, "axis 0", a, b, axis=0)
        r.case(name, "broadcast", a, r.normal(3))
    r.derivatives("np.vecdot", "broadcast", a, r.normal(3), wrt=(0, 1))
    r.case("np.matvec", "batches", r.normal(4, 2, 3), r.normal(4, 3))
    r.case("np.matvec", "one matrix", a, r.normal(2, 3))
    r.case("np.vecmat", "batches", r.normal(4, 2), r.normal(4, 2, 3))
    r.case("np.vecmat", "one matrix", r.normal(3, 2), a)
    r.derivatives("np.matvec", "one matrix", a, r.normal(2, 3), wrt=(0, 1))
    r.derivatives("np.vecmat", "one matrix", r.normal(3, 2), a, wrt=(0, 1))
    for what, u, v in [("3 and 3", a, b), ("3 and 2", r.normal(3), r.normal(2)), ("2 and 3", r.normal(2), r.normal(3)), ("2 and 2", r.normal(4, 2), r.normal(2))]:
        r.case("np.cross", what, u, v)
        r.derivatives("np.cross", what, u, v, wrt=(0, 1))
    r.case("np.cross", "axis 0", r.normal(3, 2), r.normal(3, 2), axis=0)
    r.case("np.linalg.cross", "3 and 3", a, b)
    r.case("np.linalg.cross", "axis 0", r.normal(3, 2), r.normal(3, 2), axis=0)
    r.case("np.kron", "matrices", a, r.normal(2, 2))
    r.case("np.kron", "a vector and a matrix", r.normal(2), a)
    r.derivatives("np.kron", "matrices", a, r.normal(2, 2), wrt=(0, 1))
    r.case("np.linalg.tensordot", "cubes", r.normal(2, 2, 3), r.normal(2, 3, 2))
    r.case("np.linalg.tensordot", "two axes", a, b)
    f64 = {"x64": True, "tol": 1e-9}
    t, y = r.normal(2, 3, 6, dtype=np.float64), r.normal(2, 3, dtype=np.float64)
    r.case("np.linalg.tensorinv", "2 axes", t, **f64)
    r.case("np.linalg.tensorinv", "1 axis", r.normal(4, 2, 2, dtype=np.float64), ind=1, **f64)
    r.case("np.linalg.tensorsolve", "two equations' axes", t, y, **f64)
    r.case("np.linalg.tensorsolve", "several unknowns' axes", r.normal(6, 3, 2, dtype=np.float64), r.normal(6, dtype=np.float64), **f64)
    r.case("np.linalg.tensorsolve", "axes", r.normal(2, 6, 3, dtype=np.float64), r.normal(6, dtype=np.float64), axes=[0, 2], **f64)
    r.derivatives("np.linalg.tensorsolve", "both", t, y, wrt=(0, 1), **f64)
    r.derivatives("np.linalg.tensorinv", "2 axes", t, **f64)
