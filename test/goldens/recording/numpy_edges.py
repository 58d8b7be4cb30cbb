"""
Every function of `np` at its edges: numbers, nothing, ranks from 0 to 5, negative axes, integers, bools and floats, NaN, infinities
and -0, options one by one, second operands that broadcast.
"""

import jax
import jax.numpy as jnp
import numpy as np

from . import numpy_numeric  # noqa: F401  (its functions are used here too)
from .composites import composites

NAN, INF = np.nan, np.inf
ODD = np.array([-INF, -2.5, -1, -0.5, -0.0, 0, 0.5, 1, 2.5, INF, NAN], np.float32)

UNARY = """abs sign square sqrt exp exp2 expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh
arctanh cbrt reciprocal floor ceil trunc rint isnan isinf isfinite isposinf isneginf logicalNot deg2rad rad2deg sinc i0 nanToNum
negative positive signbit spacing""".split()
NO_BOOL = {"negative", "positive", "sign"}
BINARY = """add subtract multiply divide floorDivide remainder power maximum minimum fmax fmin equal notEqual less lessEqual greater
greaterEqual logicalAnd logicalOr logicalXor arctan2 hypot logaddexp logaddexp2 copysign nextafter heaviside fmod floatPower
isclose""".split()
BINARY_BITS = "bitwiseAnd bitwiseOr bitwiseXor leftShift rightShift gcd lcm".split()
REDUCTIONS = "sum prod mean max min var std all any argmax argmin median ptp countNonzero average".split()
NAN_REDUCTIONS = "nansum nanprod nanmean nanmax nanmin nanvar nanstd nanmedian nanargmax nanargmin".split()
CUMULATIVE = "cumsum cumprod nancumsum nancumprod".split()


def record(r):
    elementwise(r)
    reductions(r)
    reduction_options(r)
    cumulative(r)
    shapes(r)
    joined(r)
    padded(r)
    ranges(r)
    differences(r)
    products(r)
    polynomials(r)
    order(r)
    quantiles(r)
    sets(r)
    indexed(r)
    edited(r)
    grids(r)
    updates(r)
    types(r)
    windows(r)
    counted(r)
    statistics(r)
    smooth(r)


def loose(name):
    return {"rtol": 2e-5, "atol": 1e-6} if name in {"i0", "sinc", "logaddexp2"} else None


def elementwise(r):
    for name in UNARY:
        fn = f"np.{name}"
        if name not in {"i0", "arccosh"}:
            r.case(fn, "odd numbers", ODD, tol=loose(name))
        r.case(fn, "a number", 0.5 if name != "arccosh" else 1.5, tol=loose(name))
        r.case(fn, "nothing, rank 3", np.zeros((2, 0, 3), np.float32))
        r.case(fn, "integers", np.array([[0, 1], [2, 3]], np.int32) + (name == "arccosh"), tol=loose(name))
        r.case(fn, "unsigned integers", np.array([1, 2, 3], np.uint32), tol=loose(name))
        r.case(fn, "rank 5", r.positive(1, 2, 1, 1, 2, low=0.1, high=0.9) + (name == "arccosh"), tol=loose(name))
        if name not in NO_BOOL:
            r.case(fn, "bools", np.array([True, False]), tol=loose(name))
    column = np.array([-2, -0.0, 0, 1.5, INF, NAN], np.float32)[:, None]
    for name in BINARY:
        fn = f"np.{name}"
        if name not in {"power", "floatPower", "floorDivide", "remainder", "fmod"}:
            r.case(fn, "odd numbers, every pair", column, column[:, 0], tol=loose(name))
        r.case(fn, "numbers", 1.5, 2.0, tol=loose(name))
        r.case(fn, "rank 0 and rank 4", np.float32(1.25), r.positive(2, 1, 2, 1), tol=loose(name))
        r.case(fn, "nothing and one", np.zeros((0, 3), np.float32), np.ones((1, 1), np.float32))
        r.case(fn, "integers that broadcast", np.array([1, 2, 7], np.int32), np.array([[3], [2]], np.int32), tol=loose(name))
        r.case(fn, "integers and a number", np.array([1, 2, 7], np.int32), 2, tol=loose(name))
        r.case(fn, "integers and a fraction", np.array([1, 2, 7], np.int32), 2.5, tol=loose(name))
        r.case(fn, "integers and floats", np.array([1, 2, 7], np.int32), np.float32([2.5, 1, 0.5]), tol=loose(name))
        if name not in {"subtract", "power", "floatPower"}:
            r.case(fn, "bools", np.array([True, False]), np.array([[True], [False]]), tol=loose(name))
    for name in BINARY_BITS:
        fn = f"np.{name}"
        r.case(fn, "integers", np.array([12, 5, 0], np.int32), np.array([[8], [3]], np.int32))
        r.case(fn, "a number", np.array([12, 5], np.uint32), 3)
        r.case(fn, "nothing", np.zeros((0, 2), np.int32), np.int32(3))
    for name in BINARY_BITS[:3]:
        r.case(f"np.{name}", "bools", np.array([True, False]), np.array([[True], [False]]))
    r.case("np.invert", "bools", np.array([[True, False]]))
    r.case("np.invert", "integers", np.array([0, -1, 7], np.int32))
    r.case("np.bitwiseCount", "integers", np.array([[0, -1], [7, -(2**31)]], np.int32))
    r.case("np.divmod", "rank 0 and 2", np.float32(-7.5), np.array([[2, -3]], np.float32))
    r.case("np.divmod", "integers", np.array([-7, 7], np.int32), np.int32(3))
    r.case("np.modf", "zeros", np.array([-0.0, 0, -2, 2, -0.5, 0.5], np.float32), tol=0)
    r.case("np.modf", "integers", np.array([-3, 0], np.int32))
    r.case("np.frexp", "zeros", np.array([[-0.0, 0, 8, -0.75]], np.float32))
    r.case("np.ldexp", "broadcast", np.array([[1.5], [-1]], np.float32), np.array([0, 3, -1], np.int32))
    r.case("np.clip", "NaN", ODD, -1.0, 1.0, tol=0)
    r.case("np.clip", "low only", ODD, -1.0)
    r.case("np.clip", "high only", ODD, None, 1.0)
    r.case("np.clip", "bounds that broadcast", r.normal(2, 3), np.float32([[-0.5], [0]]), np.float32([0.1, 0.2, 0.3]))
    r.case("np.clip", "integers and fractions", np.array([1, 5, 9], np.int32), 1.5, 7.5)
    r.case("np.clip", "low above high", np.float32([1, 2, 3]), 5.0, 2.0)
    r.case("np.where", "broadcast", np.array([[True], [False]]), np.float32([1, 2, 3]), np.int32(7))
    r.case("np.where", "a condition of numbers", np.float32([0, 2, NAN]), 1, 2)
    r.case("np.where", "nothing", np.zeros((0,), bool), np.float32(1), np.float32(2))
    for decimals in [-1, 0, 2]:
        r.case("np.round", f"{decimals} decimals", np.float32([-12.345, 0.5, 2.5, NAN, INF, 15]), decimals)
    r.case("np.round", "integers", np.array([12, 25], np.int32), 1)
    r.case("np.allclose", "tolerances", np.float32([1, 2]), np.float32([1.01, 2.01]), rtol=0.1)
    r.case("np.allclose", "NaN", ODD, ODD, equal_nan=True)
    r.case("np.allclose", "nothing", np.zeros((0,), np.float32), np.zeros((0,), np.float32))
    r.case("np.isclose", "tolerances of each", np.float32([1, 2, 3]), np.float32([1.1, 2.1, 3.1]), rtol=np.float32([0.2, 0.01, 0.5]), atol=np.float32(0))
    r.case("np.isclose", "infinities", np.float32([INF, -INF, INF, NAN]), np.float32([INF, INF, 1, NAN]), equal_nan=True)
    r.case("np.isclose", "integers", np.array([1, 100000], np.int32), np.array([1, 100001], np.int32))
    for equal_nan in [False, True]:
        r.case("np.arrayEqual", f"NaN, {equal_nan}", ODD, ODD, equal_nan=equal_nan)
        r.case("np.arrayEqual", f"shapes, {equal_nan}", ODD, ODD[:3], equal_nan=equal_nan)
        r.case("np.arrayEqual", f"integers, {equal_nan}", np.array([1, 2], np.int32), np.float32([1, 2]), equal_nan=equal_nan)
        r.case("np.arrayEqual", f"nothing, {equal_nan}", np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), equal_nan=equal_nan)


def reductions(r):
    x4 = r.normal(2, 3, 1, 2)
    ints = r.integers(3, 4)
    for name in REDUCTIONS:
        fn = f"np.{name}"
        r.case(fn, "a number", np.float32(2.5))
        r.case(fn, "rank 4, a negative axis", x4, axis=-3)
        if name not in {"argmax", "argmin"}:
            r.case(fn, "rank 4, axes out of order", x4, axis=(-1, 0))
            r.case(fn, "rank 4, all, kept", x4, keepdims=True)
            r.case(fn, "no axes", x4[0, :, 0], axis=()) if name not in {"median"} else None
        else:
            r.case(fn, "kept", x4, axis=1, keepdims=True)
            r.case(fn, "everything, kept", x4, keepdims=True)
        r.case(fn, "integers", ints, axis=1)
        if name not in {"ptp"}:
            r.case(fn, "bools", ints > 0, axis=0)
        r.case(fn, "NaN and infinities", np.float32([[1, NAN, 3], [INF, 2, -INF], [INF, INF, 1]]), axis=1)
        if name not in {"max", "min", "argmax", "argmin", "median", "ptp"}:
            r.case(fn, "nothing", np.zeros((0, 3), np.float32), axis=0)
            r.case(fn, "nothing left", np.zeros((2, 0), np.float32), axis=0)
        else:
            r.case(fn, "nothing left", np.zeros((2, 0), np.float32), axis=0) if name not in {"median"} else None
    for name in ["sum", "prod", "mean", "max", "min", "all", "any", "var", "std"]:
        r.case(f"np.{name}", "unsigned integers", np.array([[1, 2], [3, 4]], np.uint32), axis=0)
        r.case(f"np.{name}", "float64", r.normal(3, dtype=np.float64), x64=True, tol=1e-14)
    holes = x4.copy()
    holes[0, 1, 0, 0] = holes[1, 2, 0, 1] = NAN
    for name in NAN_REDUCTIONS:
        fn = f"np.{name}"
        r.case(fn, "rank 4, a negative axis", holes, axis=-3)
        r.case(fn, "a number", np.float32(2.5))
        r.case(fn, "integers", ints, axis=0)
        if "arg" not in name:
            r.case(fn, "axes, kept", holes, axis=(0, 2), keepdims=True)


def reduction_options(r):
    x = r.normal(3, 4)
    mask = np.array([True, False, True, True])
    row = np.array([[True], [False], [True]])
    for name in ["sum", "prod", "max", "min", "nansum", "nanprod", "nanmax", "nanmin"]:
        r.case(f"np.{name}", "initial", x, axis=0, initial=0.25)
        r.case(f"np.{name}", "initial and where", x, axis=1, initial=2.0, where=mask)
        r.case(f"np.{name}", "an initial array", x, initial=np.float32(0.5))
        r.case(f"np.{name}", "integers, initial", r.integers(3, 2), axis=0, initial=3)
    for name in ["mean", "var", "std", "all", "any", "nanmean", "nanvar", "nanstd", "sum", "prod"]:
        r.case(f"np.{name}", "where broadcasts", x, axis=0, where=row)
        r.case(f"np.{name}", "where nothing", x, axis=0, where=np.zeros((3, 4), bool))
    for name in ["sum", "prod", "mean", "nansum", "nanmean", "cumsum", "cumprod"]:
        for dtype in ["int32", "float32"]:
            r.case(f"np.{name}", f"as {dtype}", np.float32([[1.5, 2], [3, -1]]), axis=0, dtype=dtype)
        r.case(f"np.{name}", "integers as floats", r.integers(3), dtype="float32")
    for name in ["sum", "prod", "cumsum", "cumprod"]:
        r.case(f"np.{name}", "as bools", np.array([1, -1, 0], np.int32), dtype="bool")
        r.case(f"np.{name}", "fractions as bools", np.float32([0.5, -0.5]), dtype="bool")
        r.case(f"np.{name}", "bools as bools", np.array([True, False]), dtype="bool")
    for name in ["sum", "prod"]:
        r.case(f"np.{name}", "promoteIntegers", np.array([True, True]), promote_integers=True)
    for name in ["var", "std"]:
        r.case(f"np.{name}", "ddof", x, axis=1, ddof=1)
        r.case(f"np.{name}", "correction", x, axis=1, correction=1)
        r.case(f"np.{name}", "a known mean", x, axis=1, mean=np.float32([[0.5], [0.25], [-1]]))
        r.case(f"np.{name}", "too great a ddof", x[:, :1], axis=1, ddof=1)
        r.case(f"np.{name}", "integers, ddof", r.integers(5), ddof=1)
        r.case(f"np.{name}", "as float32", r.integers(5), dtype="float32")
    r.derivatives("np.var", "ddof and where", x, axis=0, ddof=1, where=row)


def cumulative(r):
    x = r.normal(2, 3, 2)
    for name in CUMULATIVE:
        fn = f"np.{name}"
        r.case(fn, "a number", np.float32(2.5))
        r.case(fn, "a negative axis", x, axis=-2)
        r.case(fn, "everything", x)
        r.case(fn, "integers", r.integers(4))
        r.case(fn, "bools", np.array([True, True, False]))
        r.case(fn, "nothing", np.zeros((2, 0), np.float32), axis=1)
        r.case(fn, "NaN and infinities", np.float32([1, INF, 2, NAN, 3]))
        r.derivatives(fn, "a negative axis", x, axis=-1)
    for name in ["cumulativeSum", "cumulativeProd"]:
        r.case(f"np.{name}", "integers, first", r.integers(3), include_initial=True)
        r.case(f"np.{name}", "bools", np.array([True, True]))
        r.case(f"np.{name}", "a negative axis", x, axis=-1, include_initial=True)


def shapes(r):
    x = r.normal(2, 3, 4)
    x5 = r.normal(1, 2, 1, 3, 2)
    r.case("np.ravel", "a number", np.float32(3))
    r.case("np.ravel", "nothing", np.zeros((2, 0, 3), np.float32))
    r.case("np.reshape", "to nothing", np.zeros((0, 3), np.float32), [3, 0])
    r.case("np.reshape", "to rank 0", np.ones((1, 1), np.float32), [])
    r.case("np.reshape", "-1", x, [4, -1, 2])
    r.case("np.transpose", "rank 5", x5)
    r.case("np.transpose", "negative axes", x, (-1, 0, -2))
    r.case("np.permuteDims", "rank 3", x, (2, 0, 1))
    r.case("np.matrixTranspose", "rank 5", x5)
    r.case("np.swapaxes", "negative", x5, -1, 1)
    r.case("np.moveaxis", "several", x5, (0, -1), (-1, 0))
    r.case("np.moveaxis", "one", x5, -2, 0)
    r.case("np.rollaxis", "the last", x, -1)
    r.case("np.rollaxis", "to another", x, 0, 3)
    r.case("np.squeeze", "all", x5)
    r.case("np.squeeze", "negative", x5, axis=(-3, 0))
    r.case("np.expandDims", "several", x, (0, -1, 2))
    r.case("np.expandDims", "of a number", np.float32(3), -1)
    r.case("np.broadcastTo", "a number", np.float32(3), [2, 2])
    r.case("np.broadcastTo", "to nothing", np.ones((1, 3), np.float32), [0, 3])
    r.case("np.broadcastArrays", "three", np.float32([[1], [2]]), np.int32(3), np.array([True, False]))
    r.case("np.flip", "all", x)
    r.case("np.flip", "negative axes", x, axis=(-1, 0))
    r.case("np.flipud", "a vector", x[0, 0])
    r.case("np.fliplr", "rank 3", x)
    for k in [-1, 0, 1, 2, 3, 5]:
        r.case("np.rot90", f"{k}", x[0], k)
    r.case("np.rot90", "other axes", x, 1, axes=(-1, 0))
    for name in ["atleast1d", "atleast2d", "atleast3d"]:
        for rank, a in enumerate([np.float32(3), r.normal(2), r.normal(2, 3), x]):
            r.case(f"np.{name}", f"rank {rank}", a)
    r.case("np.tile", "a number", np.float32(3), [2, 2])
    r.case("np.tile", "fewer", x[0], 2)
    r.case("np.tile", "more", x[0, 0], [2, 1, 2])
    r.case("np.tile", "no times", x[0], [0, 1])
    r.case("np.repeat", "a number", np.float32(3), 3)
    r.case("np.repeat", "an axis", x, 2, axis=-1)
    r.case("np.repeat", "counts", x[0], np.array([1, 0, 2], np.int32), axis=0)
    r.case("np.repeat", "one count in a vector", x[0], np.array([2], np.int32), axis=1)
    r.case("np.repeat", "as long as counts say", x[0], np.array([1, 0, 2], np.int32), axis=0, total_repeat_length=3)
    r.case("np.repeat", "cut", x[0], np.array([1, 3, 2], np.int32), axis=0, total_repeat_length=3)
    r.case("np.repeat", "filled", x[0], np.array([1, 0, 2], np.int32), axis=0, total_repeat_length=6)
    r.case("np.repeat", "a number of times, cut", x[0, 0], 2, total_repeat_length=5)
    r.case("np.repeat", "none", x[0, 0], np.int32(0), total_repeat_length=0)
    r.derivatives("np.repeat", "as long as counts say", x[0], np.array([1, 3, 1], np.int32), axis=0, total_repeat_length=5)
    r.case("np.roll", "everything", x, 5)
    r.case("np.roll", "a computed shift", x, np.int32(-7))
    r.case("np.roll", "computed shifts", x, np.array([1, -2], np.int32), axis=(0, -1))
    r.case("np.roll", "one computed shift of two axes", x, np.array([2], np.int32), axis=(1, 2))
    r.case("np.roll", "shifts of one axis", x, [1, 2], axis=1)
    r.case("np.roll", "nothing", np.zeros((2, 0), np.float32), 1, axis=1)
    r.derivatives("np.roll", "a computed shift", x[0], np.int32(2), axis=1)
    for name in ["split", "arraySplit"]:
        r.case(f"np.{name}", "in two", x, 2, axis=-1)
        r.case(f"np.{name}", "at places", x, [1, 3], axis=2)
    r.case("np.arraySplit", "unequal", x, 3, axis=2)
    r.case("np.arraySplit", "more parts than elements", x[0, 0, :2], 3)
    r.case("np.hsplit", "a matrix", x[0], 2)
    r.case("np.vsplit", "rank 3", x, 2)
    r.case("np.dsplit", "rank 3", x, [1])
    r.case("np.unstack", "a negative axis", x, axis=-2)
    r.case("np.resize", "longer", x[0, 0], [3, 3])
    r.case("np.resize", "nothing", np.zeros((0,), np.float32), [2])
    r.case("np.resize", "to nothing", x[0], [0, 3])
    r.case("np.trimZeros", "both", np.float32([0, 0, 1, 0, 2, 0]))
    r.case("np.trimZeros", "front", np.array([0, 1, 0], np.int32), "f")
    r.case("np.trimZeros", "all", np.zeros((3,), np.float32))


def joined(r):
    a, b = r.normal(2, 3), r.integers(2, 3)
    r.case("np.concatenate", "mixed dtypes", [a, b])
    r.case("np.concatenate", "a negative axis", [a, b], axis=-1)
    r.case("np.concatenate", "everything", [a, b, np.float32(1)], axis=None)
    r.case("np.concatenate", "as int32", [a, b], dtype="int32")
    r.case("np.concatenate", "with nothing", [a, np.zeros((0, 3), np.float32)])
    r.case("np.concatenate", "slices of an array", r.normal(2, 3, 2), axis=1)
    r.case("np.stack", "a negative axis", [a, b], axis=-1)
    r.case("np.stack", "as int32", [a, b], axis=1, dtype="int32")
    r.case("np.stack", "numbers", [np.float32(1), np.float32(2)])
    for name in ["vstack", "hstack", "dstack", "columnStack"]:
        r.case(f"np.{name}", "vectors", [a[0], b[0]])
        r.case(f"np.{name}", "matrices", [a, b])
        r.case(f"np.{name}", "numbers", [np.float32(1), np.float32(2)])
        r.case(f"np.{name}", "slices of an array", r.normal(2, 3))
        if name != "columnStack":
            r.case(f"np.{name}", "as float32", [b, b], dtype="float32")
    r.case("np.append", "everything", a, b)
    r.case("np.append", "an axis", a, b, axis=1)
    r.case("np.append", "nothing", a[0], np.zeros((0,), np.float32))
    r.case("np.block", "nested", [[a, b], [b, a]])
    r.case("np.block", "a number", np.float32(2))
    r.case("np.block", "vectors", [a[0], b[0]])


def padded(r):
    m, v = r.normal(3, 4), r.normal(4)
    whole = r.integers(2, 3)
    widths = [[1, 2], [3, 0]]
    for mode in ["constant", "edge", "reflect", "symmetric", "wrap", "linearRamp", "mean", "maximum", "minimum", "median", "empty"]:
        for what, x, width in [
            ("a width", m, 2), ("widths", m, widths), ("before and after", m, [2, 1]), ("one pair", v, [[0, 3]]), ("integers", whole, widths),
            ("no width", m, 0), ("one element", v[:1], 3), ("further than there is", v, [6, 9]), ("a number", np.float32(2), 1),
        ]:  # fmt: skip
            r.case("pad", f"{mode}, {what}", x, width, mode)
    for mode in ["mean", "maximum", "minimum", "median"]:
        r.case("pad", f"{mode}, statLength", m, 2, mode, stat_length=2)
        r.case("pad", f"{mode}, statLengths", m, widths, mode, stat_length=[[1, 2], [3, 9]])
        r.derivatives("pad", f"{mode}", m, 1, mode)
    for mode in ["reflect", "symmetric"]:
        for what, x, width in [("a width", m, 2), ("widths", m, widths), ("integers", whole, 1), ("one element", v[:1], 3), ("further than there is", v, [6, 9])]:
            r.case("pad", f"{mode}, odd, {what}", x, width, mode, reflect_type="odd")
        r.derivatives("pad", f"{mode}, odd", v, [6, 5], mode, reflect_type="odd")
    r.case("pad", "linearRamp, end values", m, 2, "linearRamp", end_values=[[1.0, -1.0], [5.0, 2.5]])
    r.case("pad", "linearRamp, one end value", m, widths, "linearRamp", end_values=3.0)
    r.case("pad", "linearRamp, integers, end values", whole, 3, "linearRamp", end_values=[7, -7])
    r.derivatives("pad", "linearRamp", m, 2, "linearRamp")
    r.case("pad", "constant, values", m, 2, "constant", constant_values=[1.0, -1.0])
    r.case("pad", "constant, values of each", m, widths, "constant", constant_values=np.float32([[1, 2], [3, 4]]))
    r.case("pad", "constant, a column of values", m, 1, "constant", constant_values=np.float32([[1], [2]]))
    r.case("pad", "constant, nothing", np.zeros((0, 2), np.float32), 1, "constant", constant_values=7)
    r.case("pad", "mean, NaN", np.float32([1, NAN, 2]), 1, "mean")
    r.case("pad", "maximum, infinities", np.float32([1, INF, -INF]), 1, "maximum")
    r.case("pad", "maximum, bools", np.array([[True, False], [False, False]]), 1, "maximum")
    r.case("padRow", "a function", m, 1)


def pad(x, width, mode, **options):
    def native(w):
        return tuple(native(v) for v in w) if isinstance(w, (list, tuple)) else w

    options = {k: native(v) for k, v in options.items()}
    return jnp.pad(x, native(width), mode={"linearRamp": "linear_ramp"}.get(mode, mode), **options)


def pad_row(x, width):
    def fill(line, pair, axis, kwargs):
        return line.at[: pair[0]].set(axis + 5.0)

    return jnp.pad(x, width, mode=fill)


composites |= {"pad": pad, "padRow": pad_row}


def ranges(r):
    a, b = np.float32([1, 2]), np.float32([[3], [6]])
    for name, low, high in [("linspace", a, b), ("logspace", a / 4, b / 4), ("geomspace", a, b)]:
        fn, tol = f"np.{name}", {"rtol": 1e-5, "atol": 1e-6}
        r.case(fn, "arrays", low, high, 4, tol=tol)
        r.case(fn, "arrays, the last axis", low, high, 3, axis=-1, tol=tol)
        r.case(fn, "arrays, no endpoint", low, high, 3, endpoint=False, axis=1, tol=tol)
        r.case(fn, "arrays, one", low, high, 1, tol=tol)
        r.case(fn, "arrays, none", low, high, 0)
        r.case(fn, "numbers, one", 1.0, 3.0, 1, tol=tol)
        r.case(fn, "numbers, none", 1.0, 3.0, 0)
        r.case(fn, "numbers, no endpoint", 1.0, 3.0, 4, endpoint=False, tol=tol)
        r.case(fn, "integers", np.array([1, 2], np.int32), np.array([3, 4], np.int32), 3, tol=tol)
        r.case(fn, "float64", np.array([1.0, 2.0]), 3.0, 5, x64=True, tol=1e-11)
        r.derivatives(fn, "both ends", np.float32(1.5), np.float32(2.5), 4, wrt=(0, 1), tol={"rtol": 1e-4, "atol": 1e-5})
    r.case("np.linspace", "down", 5.0, 1.0, 3)
    r.case("np.linspace", "to integers", 0, 7, 4, dtype="int32")
    r.case("np.linspace", "arrays to integers", np.array([-3, 0], np.int32), np.array([7, -7], np.int32), 4, dtype="int32")
    r.case("np.linspace", "with the step", np.float32([0, 1]), np.float32([4, 9]), 5, retstep=True)
    r.case("np.linspace", "numbers, with the step", 0.0, 4.0, 5, retstep=True)
    r.case("np.linspace", "no endpoint, with the step", 0.0, 4.0, 4, endpoint=False, retstep=True)
    r.case("np.logspace", "a base", np.float32([0, 1]), np.float32([3, 4]), 4, base=2.0, tol=1e-5)
    r.case("np.logspace", "a computed base", 0.0, 3.0, 4, base=np.float32(3), tol={"rtol": 1e-5, "atol": 1e-5})
    r.case("np.logspace", "to integers", 0.0, 3.0, 4, dtype="int32")
    r.case("np.geomspace", "to integers", 1.0, 1000.0, 4, dtype="int32")
    r.case("np.geomspace", "powers of two as integers", 1, 256, 9, dtype="int32")
    r.case("np.geomspace", "negative", -1.0, -16.0, 5, tol=1e-4)
    r.case("np.geomspace", "negative arrays", np.float32([-1, -2]), np.float32([-16, -8]), 3, tol=1e-4)
    for start, stop, step in [(0, 5, 1), (5, 0, -2), (1, 2, 0.25), (0, 0, 1), (3, 1, 1), (-1.5, 1.5, 0.5)]:
        r.case("np.arange", f"{start}, {stop}, {step}", start, stop, step)
    for k in [-3, -1, 0, 2, 5]:
        r.case("np.eye", f"k {k}", 3, 4, k=k)
        r.case("np.tri", f"k {k}", 3, 4, k)
        r.case("np.tril", f"rank 3, k {k}", r.normal(2, 3, 3), k)
        r.case("np.triu", f"rank 3, k {k}", r.normal(2, 3, 2), k)
        r.case("np.diag", f"a vector, k {k}", r.normal(2), k)
        r.case("np.diag", f"a matrix, k {k}", r.normal(3, 4), k)
        r.case("np.diagonal", f"rank 3, {k}", r.normal(2, 3, 4), k, axis1=-1, axis2=0)
        r.case("np.trace", f"rank 3, {k}", r.normal(2, 3, 4), k, axis1=1, axis2=2)
        r.case("np.trace", f"a computed offset, {k}", r.normal(2, 3, 4), np.int32(k), axis1=-1, axis2=0)
        r.case("np.trilIndices", f"k {k}", 3, k, 4)
        r.case("np.triuIndices", f"k {k}", 3, k, 2)
    r.case("np.eye", "a computed diagonal", 3, 3, k=np.int32(1))
    r.case("np.eye", "of nothing", 0)
    r.case("np.trace", "integers", r.integers(3, 3))
    r.case("np.trace", "bools", np.ones((3, 3), bool))
    r.case("np.trace", "as floats", r.integers(3, 3), 1, dtype="float32")
    r.case("np.diagflat", "a matrix", r.normal(2, 2), -1)
    r.case("np.full", "an array", [2, 3], np.float32([1, 2, 3]))
    r.case("np.full", "as integers", [2], 2.75, dtype="int32")
    r.case("np.fullLike", "integers", r.integers(2, 2), 2.5)
    r.case("np.fullLike", "another shape", r.normal(2, 2), np.float32([1, 2, 3]), shape=(2, 3))
    for name in ["zerosLike", "onesLike"]:
        r.case(f"np.{name}", "bools", np.array([True, False]))
        r.case(f"np.{name}", "a number", 3.5)
        r.case(f"np.{name}", "another shape and dtype", r.normal(2, 2), shape=(0, 2), dtype="int32")


def differences(r):
    x = r.normal(3, 4)
    whole = r.integers(5)
    for what, a, options in [
        ("integers, a number before", whole, {"prepend": 7}), ("integers, a fraction after", whole, {"append": 0.5}),
        ("integers, floats after", whole, {"append": np.float32([1, 2])}), ("numbers before and after", x, {"prepend": 1.0, "append": 2.0, "axis": 0}),
        ("a row before", x, {"prepend": x[:1], "axis": 0}), ("twice, ends", x, {"n": 2, "prepend": 0.0, "append": x[:, :2]}),
        ("not at all, ends", x, {"n": 0, "prepend": 0.0}), ("nothing", np.zeros((0,), np.float32), {}), ("one", x[0, :1], {}),
        ("bools, twice", np.array([True, False, False]), {"n": 2}), ("nothing, ends", np.zeros((0,), np.float32), {"prepend": 1.0, "append": 3.0}),
        ("infinities", np.float32([INF, 1, -INF, -INF, NAN]), {}), ("unsigned integers", np.array([3, 1, 2], np.uint32), {}),
    ]:  # fmt: skip
        r.case("np.diff", what, a, **options)
    for what, a, options in [
        ("integers, numbers at the ends", whole, {"to_begin": np.int32(7), "to_end": np.array([1, 2], np.int32)}),
        ("integers, fractions at the ends", whole, {"to_begin": np.float32(7.5), "to_end": np.float32([[1.5, -2.5]])}),
        ("nothing", np.zeros((0,), np.float32), {}), ("nothing, ends", np.zeros((0,), np.float32), {"to_end": np.float32(2)}),
        ("a number", np.float32(2), {}), ("floats, integers at the ends", x, {"to_begin": np.array([1, 2], np.int32)}),
    ]:  # fmt: skip
        r.case("np.ediff1d", what, a, **options)
    for what, a, options in [
        ("an array of distances", x, {"dx": np.float32([1, 0.5, 2])}), ("distances of each", x, {"dx": r.positive(3, 3)}),
        ("distances along axis 0", x, {"dx": r.positive(2, 1), "axis": 0}), ("one distance of each", x, {"dx": np.float32([[1], [2], [0.5]])}),
        ("integers, places", whole, {"x": np.array([0, 1, 3, 4, 9], np.int32)}), ("one point", x[:, :1], {}),
        ("places along axis 0", x, {"x": np.float32([0, 1, 3]), "axis": 0}), ("places of each, axis 0", x, {"x": np.cumsum(np.abs(x), 0), "axis": 0}),
        ("places of higher rank", x[0], {"x": np.cumsum(np.abs(x), 1)}), ("a distance of rank 0", x, {"dx": np.float32(0.5)}),
        ("infinities", np.float32([1, INF, 2]), {}),
    ]:  # fmt: skip
        r.case("np.trapezoid", what, a, **options)
    r.derivatives("edges.trapezoid", "distances", x, np.float32([1, 0.5, 2]), wrt=(0, 1))
    for what, a, options in [
        ("integers", whole, {}), ("integers, an integral period", np.array([0, 1, 2, -1, 0, 9], np.int32), {"period": 4}),
        ("a computed period", x, {"period": np.float32(1.5)}), ("a computed discontinuity", x, {"discont": np.float32(4)}),
        ("nothing", np.zeros((0,), np.float32), {}), ("axis 0", 4 * x, {"axis": 0}), ("large integers", np.array([0, 2000000000, -2000000000], np.int32), {"period": 5}),
        ("jumps of half a period", np.float32([0, 2, 0, -2, 0]), {"period": 4.0}), ("NaN", np.float32([0, 5, NAN, 1, 9]), {}),
    ]:  # fmt: skip
        r.case("np.unwrap", what, a, tol={"rtol": 1e-5, "atol": 1e-5}, **options)
    xp, fp = np.float32([0, 1, 1, 3]), np.float32([1, 2, 5, 4])
    at = np.float32([[-1, 0, 0.5], [1, 2, 9]])
    r.case("np.interp", "a jump", at, xp, fp)
    r.case("np.interp", "integers", np.array([0, 2, 5], np.int32), np.array([0, 4], np.int32), np.array([0, 8], np.int32))
    r.case("np.interp", "one point, ends", at, xp[:1], fp[:1], left=-1.0, right=7.0)
    r.case("np.interp", "computed ends", at, xp, fp, left=np.float32(-1), right=np.float32(7))
    r.case("np.interp", "a computed period", at, xp[[0, 1, 3]], fp[[0, 1, 3]], period=np.float32(3.5))
    r.case("np.interp", "a number", 0.25, xp, fp)
    r.case("np.interp", "NaN", np.float32([NAN, INF, -INF]), xp, fp)
    r.derivatives("edges.interp", "everything", np.float32([0.3, 2.5, -1, 9]), xp[[0, 1, 3]], fp[[0, 1, 3]], np.float32(2), wrt=(0, 1, 2, 3))
    f = r.normal(4, 5)
    r.case("numeric.gradient", "integers", whole)
    r.case("numeric.gradient", "a negative axis", f, axis=-1)
    r.case("numeric.gradient", "rank 3, two axes", r.normal(2, 3, 2), axis=(0, 2))


composites |= {
    "edges.trapezoid": lambda y, dx: jnp.trapezoid(y, dx=dx),
    "edges.interp": lambda x, xp, fp, end: jnp.interp(x, xp, fp, left=end, right="extrapolate"),
}


def products(r):
    for what, a, b in [
        ("numbers", np.float32(2), np.float32(3)), ("a number and a matrix", np.float32(2), r.normal(2, 3)), ("vectors", r.normal(3), r.normal(3)),
        ("a matrix and a vector", r.normal(2, 3), r.normal(3)), ("matrices", r.normal(2, 3), r.normal(3, 4)), ("rank 3 and 4", r.normal(2, 2, 3), r.normal(2, 2, 3, 2)),
        ("nothing inside", np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32)), ("integers", r.integers(2, 3), r.integers(3, 2)),
        ("bools", np.array([[True, False]]), np.array([[True], [True]])), ("integers and floats", r.integers(2, 3), r.normal(3, 2)),
    ]:  # fmt: skip
        r.case("np.dot", what, a, b)
        if np.ndim(a) and np.ndim(b) and what != "rank 3 and 4":
            r.case("np.matmul", what, a, b)
    r.case("np.matmul", "stacks that broadcast", r.normal(2, 1, 2, 3), r.normal(4, 3, 2))
    r.case("np.matmul", "a vector and a stack", r.normal(3), r.normal(2, 3, 2))
    r.case("np.matmul", "a stack of nothing", np.zeros((0, 2, 3), np.float32), r.normal(3, 2))
    for name in ["inner", "outer", "kron", "vdot"]:
        r.case(f"np.{name}", "vectors", r.normal(3), r.normal(3))
        r.case(f"np.{name}", "integers and floats", r.integers(2, 2), r.normal(2, 2))
        r.case(f"np.{name}", "numbers", np.float32(2), np.float32(3))
        if name != "vdot":
            r.case(f"np.{name}", "ranks that differ", r.normal(2, 3), r.normal(3))
    r.case("np.inner", "rank 3", r.normal(2, 3), r.normal(4, 1, 3))
    r.case("np.kron", "rank 3 and 2", r.normal(2, 1, 2), r.normal(2, 3))
    r.case("np.outer", "matrices", r.normal(2, 2), r.normal(3))
    for what, axes in [("none", 0), ("one", 1), ("two", 2), ("lists", [[0, 1], [1, 0]]), ("numbers", [-1, 0])]:
        a, b = (r.normal(2, 3), r.normal(3, 2)) if what in {"one", "lists", "numbers"} else (r.normal(2, 3), r.normal(2, 3))
        r.case("np.tensordot", f"axes: {what}", a, b, axes)
    r.case("np.vecdot", "a negative axis", r.normal(2, 3, 2), r.normal(3, 1), axis=-2)
    r.case("np.vecdot", "integers", r.integers(2, 3), r.integers(3))
    r.case("np.matvec", "stacks", r.normal(2, 1, 2, 3), r.normal(4, 3))
    r.case("np.vecmat", "stacks", r.normal(4, 2), r.normal(3, 1, 2, 3))
    v3, v2 = r.normal(2, 3), r.normal(2, 2)
    for what, a, b, options in [
        ("of 2 and 3", v2, v3, {}), ("of 2", v2, v2, {}), ("axes", r.normal(3, 4), r.normal(4, 3), {"axisa": 0, "axisb": 1, "axisc": 0}),
        ("an axis", r.normal(3, 4), r.normal(3, 4), {"axis": 0}), ("broadcast", r.normal(4, 1, 3), v3, {}), ("integers", r.integers(3), r.integers(3), {}),
    ]:  # fmt: skip
        r.case("np.cross", what, a, b, **options)
    for spec, shapes_ in [
        ("ij,jj->i", [(2, 3), (1, 1)]), ("ii,i->i", [(1, 1), (3,)]), ("iij,j->i", [(1, 1, 2), (2,)]), ("ij,jk", [(2, 1), (3, 2)]), ("i,i", [(1,), (3,)]),
        ("ii", [(1, 1)]), ("ii->i", [(1, 1)]), ("iji->j", [(2, 3, 2)]), ("ijk->", [(2, 0, 3)]), ("ij,jk", [(2, 0), (0, 3)]), ("...i,i...->...", [(2, 3), (3, 1)]),
        ("i...->...", [(2, 3, 1)]), ("...ii->...i", [(2, 3, 3)]), ("i,j,k->kji", [(2,), (3,), (1,)]), ("ij->ji", [(2, 3)]), ("ba", [(2, 3)]), (",i->i", [(), (3,)]),
        ("ij,ij,ij->", [(2, 3), (2, 3), (2, 3)]), ("Ab,bC->CA", [(2, 3), (3, 2)]), ("...,...", [(2, 1), (3,)]),
    ]:  # fmt: skip
        r.case("np.einsum", f"{spec} of {', '.join(map(str, shapes_))}", spec, *[r.normal(*s) for s in shapes_])
    r.case("np.einsum", "integers", "ij,j->i", r.integers(2, 3), r.integers(3))
    r.case("np.einsum", "integers and floats", "i,i->i", r.integers(3), r.normal(3))
    r.case("np.einsum", "lists", r.normal(2, 3), [0, 1], r.normal(3, 2), [1, 2], [0, 2])
    r.case("np.einsum", "lists, no output", r.normal(2, 3), [0, 1], r.normal(3, 2), [1, 2])
    r.case("np.einsum", "lists, numbers out of order", r.normal(2, 3), [30, 4])
    r.case("np.einsum", "lists, a diagonal", r.normal(3, 3), [0, 0], [0])
    r.case("edges.einsumDots", "lists with dots", r.normal(2, 2, 3))
    r.derivatives("np.einsum", "an extent of 1", "ij,jj->i", r.normal(2, 3), r.normal(1, 1), wrt=(1, 2))
    for mode in ["full", "same", "valid"]:
        for name in ["convolve", "correlate"]:
            r.case(f"np.{name}", f"{mode}, one element", r.normal(4), r.normal(1), mode=mode)
            r.case(f"np.{name}", f"{mode}, as long", r.normal(3), r.normal(3), mode=mode)
            r.case(f"np.{name}", f"{mode}, integers", r.integers(5), r.integers(2), mode=mode)


composites |= {"edges.einsumDots": lambda x: jnp.einsum(x, [0, Ellipsis], [Ellipsis, 0])}


def polynomials(r):
    p, q, none = r.normal(4), r.normal(2), np.zeros((0,), np.float32)
    stacked = r.normal(3, 2)
    r.case("np.polyval", "none", none, r.normal(2))
    r.case("np.polyval", "side by side", stacked, r.normal(2))
    r.case("np.polyval", "side by side, places that broadcast", r.normal(3, 2, 1), r.normal(4))
    r.case("np.polyval", "side by side at a number", stacked, 2.0)
    r.case("np.polyval", "integers at floats", r.integers(3), r.normal(2))
    r.case("np.polyval", "infinite places", p, np.float32([INF, NAN]))
    r.derivatives("np.polyval", "side by side", stacked, r.normal(2), wrt=(0, 1))
    for name in ["polyadd", "polysub"]:
        r.case(f"np.{name}", "side by side", stacked, r.normal(2, 2))
        r.case(f"np.{name}", "side by side, the second longer", r.normal(2, 2), stacked)
        r.case(f"np.{name}", "integers and floats", r.integers(2), p)
        r.case(f"np.{name}", "integers", r.integers(2), r.integers(3))
    r.case("np.polymul", "none and some", none, p)
    r.case("np.polymul", "some and none", p, none)
    r.case("np.polymul", "integers", r.integers(2), r.integers(3))
    r.case("np.polymul", "zeros in front go", np.float32([0, 0, 1, 2]), np.float32([0, 3]), trim_leading_zeros=True)
    r.case("np.polydiv", "integers", np.array([2, 3, 1], np.int32), np.array([1, 1], np.int32))
    r.case("np.polydiv", "as long", p, r.normal(4) + 2, tol=1e-4)
    r.case("np.polydiv", "none", none, q)
    r.case("np.polydiv", "a divisor of one", p, np.float32([2]))
    r.case("np.polydiv", "zeros in front go", np.float32([1, 3, 2]), np.float32([1, 1]), trim_leading_zeros=True)
    for m in [0, 1, 2, 5]:
        r.case("np.polyder", f"{m}, integers", r.integers(4), m)
        r.case("np.polyint", f"{m}, integers", r.integers(3), m)
    r.case("np.polyder", "none", none)
    r.case("np.polyint", "none", none)
    r.case("np.polyint", "one constant for all", p, 3, k=2.0)
    r.case("np.polyint", "constants", p, 2, k=np.float32([1, 2]))
    r.case("np.poly", "a number", np.float32(2))
    r.case("np.poly", "integers", r.integers(3))
    for n in [0, 1, 5]:
        r.case("np.vander", f"{n}, integers", r.integers(3), n)
        r.case("np.vander", f"{n}, increasing", r.normal(2), n, increasing=True)
    r.case("np.vander", "of nothing", none)
    r.case("np.vander", "zeros", np.float32([0, -1, INF]), 3)


def order(r):
    x = r.integers(3, 5, low=0, high=4)
    odd = np.float32([2, NAN, -INF, -0.0, 0, INF, NAN, -1])
    for name in ["sort", "argsort"]:
        fn = f"np.{name}"
        for what, a, options in [
            ("a negative axis", r.normal(2, 3, 2), {"axis": -2}), ("everything", x, {"axis": None}), ("stable", x, {"stable": True}), ("stable, descending", x, {"stable": True, "descending": True}),
            ("nothing", np.zeros((0, 2), np.float32), {"axis": 0}), ("one", np.float32([3]), {}), ("unsigned integers", np.array([3, 2**31 + 5, 1], np.uint32), {}),
            ("unsigned integers, descending", np.array([3, 2**31 + 5, 1], np.uint32), {"descending": True}), ("bools, descending", np.array([True, False, True]), {"descending": True}),
        ]:  # fmt: skip
            r.case(fn, what, a, **options)
    r.case("np.sort", "zeros and NaN, descending", odd, descending=True)
    r.case("np.argsort", "zeros and NaN", odd)
    r.case("np.lexsort", "the rows of an array", x)
    r.case("np.lexsort", "axis 0", [x, x[::-1].copy()], axis=0)
    for k in [0, 2, -1]:
        r.case("edges.partition", f"{k}", r.normal(5), k)
        r.case("edges.partition", f"{k}, axis 0", r.normal(4, 2), k, axis=0)
    line = np.float32([-1, 0, 0, 2, 5, INF, NAN])
    for side in ["left", "right"]:
        for method in ["scan", "sort", "compareAll", "scanUnrolled"]:
            r.case("edges.searchsorted", f"{side}, {method}", line, np.float32([[-2, 0, 1], [INF, NAN, 2]]), side, method)
        r.case("np.searchsorted", f"nothing, {side}", np.zeros((0,), np.float32), np.float32([1, 2]), side=side)
        r.case("np.searchsorted", f"a number, {side}", line, 0, side=side)
        r.case("np.searchsorted", f"integers and fractions, {side}", np.array([1, 2, 4], np.int32), np.float32([1.5, 2, 9]), side=side)
        r.case("np.searchsorted", f"a sorter, {side}", np.float32([3, 1, 2]), np.float32([2, 0]), side=side, sorter=np.array([1, 2, 0], np.int32))
    for right in [False, True]:
        r.case("np.digitize", f"{right}", np.float32([[-1, 0, 1], [2, 5, NAN]]), np.float32([0, 1, 2]), right=right)
        r.case("np.digitize", f"descending, {right}", np.float32([-1, 0, 1, 2, 5]), np.float32([2, 1, 0]), right=right)
        r.case("np.digitize", f"no bins, {right}", np.float32([1, 2]), np.zeros((0,), np.float32), right=right)
        r.case("np.digitize", f"one bin, {right}", np.float32([1, 2, 3]), np.float32([2]), right=right)
        r.case("np.digitize", f"integers, {right}", np.array([0, 5], np.int32), np.array([1, 5], np.int32), right=right)


composites |= {
    "edges.partition": lambda x, k, axis=-1: jnp.take(jnp.partition(x, k, axis=axis), k, axis=axis),
    "edges.searchsorted": lambda a, v, side, method: jnp.searchsorted(
        a, v, side=side, method={"compareAll": "compare_all", "scanUnrolled": "scan_unrolled"}.get(method, method)
    ),
}


def quantiles(r):
    x = r.normal(2, 3, 4)
    qs = np.float32([0, 0.3, 1])
    for method in ["linear", "lower", "higher", "midpoint", "nearest", "invertedCdf"]:
        for name in ["quantile", "nanquantile"]:
            fn = f"edges.{name}"
            r.case(fn, f"{method}, axes, kept", x, qs, method, axis=(-1, 0), keepdims=True)
            r.case(fn, f"{method}, everything", x, 0.4, method)
            r.case(fn, f"{method}, integers", r.integers(3, 4), np.float32(0.6), method, axis=1)
    holes = x.copy()
    holes[0, 1, 2] = holes[1, 0, :] = NAN
    for name in ["quantile", "nanquantile"]:
        r.case(f"edges.{name}", "NaN, invertedCdf", holes, 0.4, "invertedCdf", axis=-1)
        r.case(f"edges.{name}", "weights", x, qs, "invertedCdf", axis=1, weights=np.float32([1, 0, 3]))
        r.case(f"edges.{name}", "weights of each", x, 0.7, "invertedCdf", axis=2, weights=r.positive(2, 3, 4))
        r.case(f"edges.{name}", "weights of NaN", holes, 0.5, "invertedCdf", axis=-1, weights=np.float32([1, 2, 1, 2]))
    r.case("edges.quantile", "bad weights", x[0], 0.5, "invertedCdf", axis=1, weights=np.float32([1, -2, 1, NAN]))
    r.case("np.quantile", "q out of range", x[0, 0], np.float32([-0.5, 1.5]))
    r.case("np.quantile", "infinities", np.float32([-INF, 1, 2, INF]), qs)
    r.case("np.percentile", "a vector", x, np.float32([10, 95]), axis=-1)
    r.case("np.nanpercentile", "kept", holes, 50, axis=(0, 2), keepdims=True)
    for name in ["median", "nanmedian"]:
        r.case(f"np.{name}", "NaN, axes, kept", holes, axis=(1, 2), keepdims=True)
        r.case(f"np.{name}", "a vector of bools", np.array([True, False, True, True]))
    r.derivatives("edges.quantile", "computed q", x[0], np.float32([0.2, 0.7]), "linear", axis=1, wrt=(0, 1))


def renamed(f):
    return lambda x, q, method, **options: f(x, q, method={"invertedCdf": "inverted_cdf"}.get(method, method), **options)


composites |= {"edges.quantile": renamed(jnp.quantile), "edges.nanquantile": renamed(jnp.nanquantile)}


def sets(r):
    a, b = np.array([3, 1, 3, 2, 7], np.int32), np.array([2, 9, 3], np.int32)
    f, g = np.float32([3, 1, NAN, 3, NAN]), np.float32([3, NAN])
    for name in ["intersect1d", "union1d", "setdiff1d", "setxor1d"]:
        fn = f"np.{name}"
        r.case(fn, "integers", a, b)
        r.case(fn, "NaN", f, g)
        r.case(fn, "with a size", a, b, size=6)
        r.case(fn, "with a size and a fill", a, b, size=6, fill_value=-1)
        r.case(fn, "a small size", a, b, size=1)
        r.case(fn, "nothing", a, b[:0])
        r.case(fn, "matrices", a[:4].reshape(2, 2), b)
    r.case("np.intersect1d", "places", a, b, return_indices=True)
    r.case("np.intersect1d", "places, unique", a[1:], b, return_indices=True, assume_unique=True)
    r.case("np.setdiff1d", "unique", np.array([5, 1, 3], np.int32), b, assume_unique=True)
    for invert in [False, True]:
        r.case("np.isin", f"integers, {invert}", a.reshape(5, 1), b, invert=invert)
        r.case("np.isin", f"NaN, {invert}", f, g, invert=invert)
        r.case("np.isin", f"unique, {invert}", a[1:], b, invert=invert, assume_unique=True)
        r.case("np.isin", f"of nothing, {invert}", a, b[:0], invert=invert)
        r.case("np.isin", f"a number, {invert}", 3, b, invert=invert)
    r.case("np.unique", "bools", np.array([[True, False], [True, True]]))
    r.case("np.unique", "NaN each", f, equal_nan=False)
    r.case("np.unique", "nothing, a size", a[:0], size=2, fill_value=7)
    m = np.array([[0, 3, 0], [0, 0, 5]], np.int32)
    for name in ["nonzero", "flatnonzero", "argwhere"]:
        r.case(f"np.{name}", "a matrix", m)
        r.case(f"np.{name}", "NaN", np.float32([NAN, 0, -0.0, INF]))
        r.case(f"np.{name}", "nothing", np.zeros((0, 2), np.float32))
        r.case(f"np.{name}", "a size and a fill", m, size=4, fill_value=-1)
        if name != "flatnonzero":
            r.case(f"np.{name}", "a fill of each axis", m, size=3, fill_value=[7, 8])


def indexed(r):
    x = r.normal(3, 4)
    i = np.array([[0, -1], [5, 2]], np.int32)
    for mode in [None, "clip", "fill", "wrap"]:
        options = {} if mode is None else {"mode": mode}
        r.case("np.take", f"{mode}, an axis", x, i, axis=1, **options)
        r.case("np.take", f"{mode}, everything", x, i, **options)
    r.case("np.take", "a fill", x, i, axis=0, mode="fill", fill_value=-7.0)
    r.case("np.take", "a number", x, 2, axis=-1)
    r.case("np.take", "of integers", r.integers(3), i)
    r.case("np.take", "nothing", x, np.zeros((0,), np.int32), axis=0)
    along = np.array([[0, 3], [-1, 9], [1, 1]], np.int32)
    r.case("np.takeAlongAxis", "out of range", x, along, 1)
    r.case("np.takeAlongAxis", "clipped", x, along, 1, mode="clip")
    r.case("np.takeAlongAxis", "a fill", x, along, 1, mode="fill", fill_value=-7.0)
    r.case("np.takeAlongAxis", "everything", x, np.array([0, 11, -1], np.int32), None)
    r.case("np.takeAlongAxis", "broadcast", x, np.array([[1]], np.int32), 0)
    for mode in [None, "clip", "wrap"]:
        options = {} if mode is None else {"mode": mode}
        r.case("edges.put", f"{mode}", x, np.array([0, -1, 7], np.int32), np.float32([10, 20]), **options)
    r.case("edges.put", "out of range, clip", x, np.array([40, -40], np.int32), np.float32([10, 20]), mode="clip")
    r.case("edges.put", "out of range, wrap", x, np.array([40, -40], np.int32), np.float32([10, 20]), mode="wrap")
    r.case("edges.place", "over and over", x, x > 0, np.float32([10, 20, 30]))
    r.case("edges.fillDiagonal", "tall", r.normal(4, 2), 5.0)
    r.case("edges.fillDiagonal", "values", r.normal(3, 3), np.float32([1, 2]))
    r.case("edges.fillDiagonal", "rank 3", r.normal(2, 2, 2), 5.0)
    r.case("edges.putAlongAxis", "an axis", x, np.array([[0], [3], [-1]], np.int32), 9.0, 1)
    r.case("edges.putAlongAxis", "everything", x, np.array([0, 11], np.int32), np.float32([8, 9]), None)
    condition = np.array([True, False, True])
    r.case("np.compress", "everything", condition, x)
    r.case("np.compress", "a negative axis", np.array([True, False, True, True]), x, axis=-1)
    r.case("np.compress", "fewer conditions", condition[:2], x, axis=0)
    r.case("np.compress", "a size and a fill", condition, x, axis=0, size=3, fill_value=-1)
    r.case("np.extract", "a matrix", x > 0, x)
    r.case("np.extract", "a size", x > 0, x, size=3)
    r.case("np.select", "the first that holds", [x > 1, x > 0], [x, -x], 7.0)
    r.case("np.select", "broadcast", [np.array([[True], [False], [False]])], [np.float32([1, 2, 3, 4])])
    for mode in ["clip", "wrap"]:
        r.case("np.choose", f"{mode}", np.array([[0, 1], [5, -1]], np.int32), [np.float32([1, 2]), np.array([[3], [4]], np.int32)], mode=mode)
    dims = [3, 4]
    coordinates = [np.array([0, 2, 5], np.int32), np.array([3, -1, 1], np.int32)]
    for mode in ["clip", "wrap"]:
        for order in ["C", "F"]:
            r.case("np.ravelMultiIndex", f"{mode}, {order}", coordinates, dims, mode=mode, order=order)
    r.case("np.unravelIndex", "out of range", np.array([[0, 11], [-1, 12]], np.int32), dims)
    r.case("np.unravelIndex", "beyond the other end", np.array([-13, -12, 40], np.int32), dims)
    r.case("np.unravelIndex", "one axis", np.array([2, 9], np.int32), [5])


composites |= {
    "edges.put": lambda x, i, v, mode=None: jnp.put(x, i, v, mode=mode, inplace=False),
    "edges.place": lambda x, m, v: jnp.place(x, m, v, inplace=False),
    "edges.fillDiagonal": lambda x, v: jnp.fill_diagonal(x, v, inplace=False),
    "edges.putAlongAxis": lambda x, i, v, axis: jnp.put_along_axis(x, i, v, axis, inplace=False),
}


def edited(r):
    x = r.normal(3, 4)
    for what, place, options in [
        ("a place", 1, {}), ("a negative place", -1, {"axis": 1}), ("places", [0, 2], {"axis": 0}), ("places twice", [1, 1, -2], {"axis": 1}),
        ("no places", np.zeros((0,), np.int32), {"axis": 0}), ("a mask", np.array([True, False, True]), {"axis": 0}), ("a slice", slice(0, 3, 2), {"axis": 0}),
        ("computed places", np.array([2, 0], np.int32), {"axis": 0, "assume_unique_indices": True}),
        ("computed places out of range", np.array([-1, 9], np.int32), {"axis": 1, "assume_unique_indices": True}),
        ("a computed place", np.array([-2], np.int32), {"assume_unique_indices": True}),
    ]:  # fmt: skip
        r.case("edges.delete", what, x, place, **options)
    r.derivatives("edges.delete", "computed places", x, np.array([2, 0], np.int32), axis=0, assume_unique_indices=True)
    for what, place, values, options in [
        ("a number", 1, 9.0, {}), ("a row", 1, np.float32([1, 2, 3, 4]), {"axis": 0}), ("a column", -1, np.float32([1, 2, 3]), {"axis": 1}),
        ("rows in a list", [1], r.normal(2, 4), {"axis": 0}), ("columns at one place", 1, r.normal(2, 3), {"axis": 1}), ("at places", [0, 3], np.float32([7, 8]), {"axis": 1}),
        ("at one place twice", [2, 2, 0], np.float32([7, 8, 9]), {}), ("one value at places", [0, 2], 5.0, {"axis": 0}), ("at the end", 12, 5.0, {}),
        ("a slice", slice(0, 3), np.float32([[1], [2], [3]]), {"axis": 0}), ("a place of rank 0", np.int32(1), np.float32([1, 2, 3, 4]), {"axis": 0}),
        ("values in a list of one place", [2], np.float32([7, 8, 9]), {}), ("integers", [0], np.array([3], np.int32), {}),
    ]:  # fmt: skip
        r.case("edges.insert", what, x, place, values, **options)
    r.derivatives("edges.insert", "computed places", x, np.array([2, 0], np.int32), r.normal(2, 4), axis=0, wrt=(0, 2))


def of_lists(f):
    def call(x, place, *values, **options):
        return f(x, np.array(place) if isinstance(place, (list, tuple)) else place, *values, **options)

    return call


composites |= {"edges.delete": of_lists(jnp.delete), "edges.insert": of_lists(jnp.insert)}


def grids(r):
    for what, shape in [("no axes", []), ("one", [3]), ("two", [2, 3]), ("nothing", [2, 0]), ("three", [2, 1, 2])]:
        r.case("np.indices", what, shape)
        r.case("np.indices", f"{what}, sparse", shape, sparse=True)
        r.case("np.indices", f"{what}, float32", shape, dtype="float32")
        r.case("edges.fromfunction", what, shape)
        r.case("edges.fromfunction", f"{what}, int32", shape, dtype="int32")
    r.case("edges.fromfunctionOfRows", "rows", [2, 3])
    r.case("edges.fromfunctionOfNothing", "a constant", [2, 3])
    for n in [0, 1, 3]:
        r.case("np.diagIndices", f"{n}", n)
        r.case("np.diagIndices", f"{n}, rank 3", n, 3)
        r.case("np.diagIndices", f"{n}, rank 0", n, 0)
    r.case("edges.maskIndices", "tril", 3, 0)
    r.case("edges.maskIndices", "a size", 3, 1, size=4)
    vectors = [np.float32([1, 2, 3]), np.array([4, 5], np.int32), np.float32([6])]
    for indexing in ["xy", "ij"]:
        for sparse in [False, True]:
            for n in [0, 1, 2, 3]:
                r.case("edges.meshgrid", f"{n}, {indexing}, {sparse}", vectors[:n], indexing=indexing, sparse=sparse)
    r.case("np.identity", "as integers", 3, dtype="int32")


composites |= {
    "edges.fromfunction": lambda shape, dtype="float32": jnp.fromfunction(
        lambda *xs: sum((x * 10**i for i, x in enumerate(xs)), start=jnp.asarray(0, dtype)), tuple(shape), dtype=dtype
    ),
    "edges.fromfunctionOfRows": lambda shape: jnp.fromfunction(lambda i, j: jnp.stack([i, j, i * j]), tuple(shape)),
    "edges.fromfunctionOfNothing": lambda shape: jnp.fromfunction(lambda i, j: jnp.float32(7), tuple(shape)),
    "edges.maskIndices": lambda n, k, **options: jnp.mask_indices(n, jnp.tril, k, **options),
    "edges.meshgrid": lambda vectors, **options: jnp.meshgrid(*vectors, **options),
    "edges.divide": lambda x, i, v: x.at[tuple(i)].divide(v, unique_indices=True),
    "edges.power": lambda x, i, v: x.at[tuple(i)].power(v, unique_indices=True),
}


def updates(r):
    x = r.positive(3, 4)
    twice = np.array([0, 2, 0], np.int32)
    for method in ["subtract", "divide", "power"]:
        fn = f"at.{method}"
        for what, index, values in [
            ("a position", [1], 2.0), ("an element", [1, -1], 3.0), ("a slice", [slice(0, 2), slice(1, None)], r.positive(2, 3)), ("places twice", [twice], r.positive(3, 4)),
            ("places twice, a column", [slice(None), twice], r.positive(3, 3)), ("out of range", [7], 2.0), ("a mask", [x > 1], 2.0), ("pairs", [twice, np.array([1, 1, 1], np.int32)], np.float32([2, 3, 4])),
        ]:  # fmt: skip
            r.case(fn, what, x, index, values)
        r.case(fn, "integers", np.array([8, 6, 4], np.int32), [np.array([0, 2], np.int32)], np.array([2, 1], np.int32))
        r.case(fn, "clipped", x, [np.array([9], np.int32)], 2.0, mode="clip")
    r.derivatives("edges.divide", "both", x, [np.array([0, 2], np.int32)], r.positive(2, 4), wrt=(0, 2))
    r.derivatives("edges.power", "both", x, [np.array([0, 2], np.int32)], r.positive(2, 4), wrt=(0, 2))
    r.derivatives("at.subtract", "both", x, [twice], r.positive(3, 4), wrt=(0, 2))
    for what, index in [("a position", [1]), ("a slice", [slice(0, 2)]), ("places twice", [twice]), ("out of range", [np.array([7, 0], np.int32)]), ("pairs", [twice, np.array([1, 1, 1], np.int32)])]:
        r.case("edges.apply", what, x, index)


def at(method):
    return lambda x, index, values, mode=None: getattr(x.at[tuple(index)], method)(values, mode=mode)


composites |= {f"at.{name}": at(name) for name in ["subtract", "divide", "power"]} | {
    "edges.apply": lambda x, index: x.at[tuple(index)].apply(lambda v: v * 3 + 1)
}


def types(r):
    for what, xs in [
        ("a dtype", ["float32"]), ("dtypes", ["int32", "float32"]), ("a dtype and a number", ["uint8", 3]), ("a dtype and a fraction", ["int32", 0.5]),
        ("a dtype and an array", ["uint8", r.normal(2)]), ("bools and a number", ["bool", 3]), ("numbers", [3, 4]), ("a number", [3]), ("a fraction", [0.5]), ("a bool", [True]),
        ("16-bit floats", ["float16", "bfloat16"]), ("16-bit floats and a number", ["bfloat16", 0.5]), ("three", ["int32", "uint8", r.normal(1)]),
    ]:  # fmt: skip
        r.case("edges.resultType", what, xs)


composites |= {"edges.resultType": lambda xs: str(jnp.result_type(*xs))}


def windows(r):
    for name in ["bartlett", "hanning", "hamming", "blackman"]:
        for n in [3, 4]:
            r.case(f"np.{name}", f"{n} points", n)
    for n in [0, 2, 5]:
        r.case("np.kaiser", f"{n}, a computed beta", n, np.float32(2.5))
    r.derivatives("edges.kaiser", "beta", np.float32(2.5), tol=1e-4)


composites |= {"edges.kaiser": lambda beta: jnp.kaiser(5, beta)}


def counted(r):
    n = np.array([0, 3, 3, 1], np.int32)
    r.case("np.bincount", "integers as weights", n, weights=np.array([2, 3, 4, 5], np.int32))
    r.case("np.bincount", "cut", n, length=2)
    x = np.float32([[0, 1, 2], [2.5, NAN, 9]])
    for what, options in [
        ("edges", {"bins": np.float32([0, 1, 2, 4])}), ("an empty range", {"bins": 2, "range": [1.0, 1.0]}), ("a density", {"bins": np.float32([0, 1, 4]), "density": True}),
        ("computed ends", {"bins": 2, "range": [np.float32(0), np.float32(3)]}),
    ]:  # fmt: skip
        r.case("numeric.histogram", f"NaN, {what}", x, **options)
    r.case("numeric.histogram", "integers", r.integers(9), bins=3)
    r.case("np.histogramBinEdges", "edges", x, bins=np.float32([0, 1]))
    r.case("np.packbits", "an axis", r.integers(2, 9, low=0, high=2), axis=-1)
    r.case("np.packbits", "little", r.integers(5, low=0, high=2), bitorder="little")
    r.case("np.packbits", "bools", np.array([[True, False], [True, True]]), axis=0)
    byte = np.array([[1, 128], [255, 3]], np.uint8)
    r.case("np.unpackbits", "an axis", byte, axis=-1)
    r.case("np.unpackbits", "a count", byte, axis=0, count=3)
    r.case("np.unpackbits", "fewer by a count", byte, count=-5)
    r.case("np.unpackbits", "more than there are", byte[0], count=20)
    r.case("np.unpackbits", "little", byte, axis=1, bitorder="little")


def statistics(r):
    x = r.normal(3, 4)
    for what, options in [
        ("axes and weights", {"axis": (0, 1), "weights": r.positive(3, 4)}), ("axes out of order, their weights", {"axis": (1, 0), "weights": r.positive(4, 3)}),
        ("returned", {"axis": 0, "returned": True}), ("weights, returned", {"axis": 1, "weights": r.positive(4), "returned": True}),
        ("integers as weights", {"axis": 1, "weights": np.array([1, 2, 3, 4], np.int32)}), ("kept, returned", {"weights": r.positive(3, 4), "keepdims": True, "returned": True}),
    ]:  # fmt: skip
        r.case("np.average", what, x, **options)
    r.case("np.average", "integers, weights", r.integers(3), weights=np.array([1, 2, 3], np.int32))
    f64 = {"x64": True, "tol": 1e-12}
    r.case("np.cov", "float32 as float64", x.astype(np.float64), dtype="float64", **f64)
    r.case("np.cov", "integers", r.integers(2, 5), tol=1e-5)
    r.case("np.cov", "two vectors", r.normal(4), y=r.normal(4), tol=1e-5)
    r.case("np.corrcoef", "columns", x, rowvar=False, tol=1e-5)
    r.case("np.corrcoef", "one variable", x[0])
    r.case("np.ptp", "NaN", np.float32([[1, NAN], [3, 5]]), axis=1)


def smooth(r):
    """Derivatives of what is smooth, with operands that broadcast."""
    a, b = r.positive(2, 1, 3, low=0.3, high=0.9), r.positive(4, 1, low=0.3, high=0.9)
    for name in ["add", "subtract", "multiply", "divide", "power", "maximum", "arctan2", "hypot", "logaddexp", "remainder", "floatPower"]:
        r.derivatives(f"np.{name}", "broadcast", a, b, wrt=(0, 1))
    for name in ["sqrt", "exp2", "log2", "log10", "tan", "arcsin", "arccos", "arctan", "sinh", "arcsinh", "arctanh", "cbrt", "reciprocal", "square", "deg2rad"]:
        r.derivatives(f"np.{name}", "rank 3", a)
    r.derivatives("np.clip", "bounds", r.normal(3, 3), np.float32([[-0.5], [0], [0.2]]), np.float32([0.3, 0.4, 0.5]), wrt=(0, 1, 2))
    r.derivatives("np.where", "broadcast", np.array([[True], [False]]), r.normal(3), r.normal(2, 1), wrt=(1, 2))
    r.derivatives("np.full", "an array", [2, 3], r.normal(3), wrt=(1,))
    r.derivatives("np.average", "an axis", r.normal(3, 4), axis=1)
    r.derivatives("np.trace", "a computed offset", r.normal(3, 3), np.int32(1))
    r.derivatives("numeric.gradient", "axis 0", r.normal(4, 2), axis=0)
    r.derivatives("np.cross", "of 2 and 3", r.normal(2, 2), r.normal(3), wrt=(0, 1))
    r.derivatives("np.kron", "vectors", r.normal(2), r.normal(3), wrt=(0, 1))
    r.derivatives("np.interp", "inside", np.float32([0.25, 1.5]), np.float32([0, 1, 3]), r.normal(3), wrt=(0, 1, 2))
    r.derivatives("np.ptp", "two axes", r.normal(2, 3), axis=(0, 1))
    r.derivatives("np.std", "ddof", r.normal(3, 4), axis=1, ddof=1)
    r.derivatives("np.median", "odd and even", r.normal(3, 4), axis=0)
