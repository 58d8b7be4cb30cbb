"""Functions of each element: special values, dtypes, broadcasting, weak scalars."""

import numpy as np

INF, NAN = np.inf, np.nan
REAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 1e-3, 10.0, -10.0, 30.0, NAN, INF, -INF]
UNIT = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 0.999, 1e-3, 1.5, NAN, INF, -INF]
SMALL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 6.25, -20.0, 100.0, 1e-3, NAN, INF, -INF]
PAIRS = [0.0, -0.0, 1.0, -1.0, 2.5, -3.0, NAN, INF, -INF]

UNARY = {
    **{f: REAL for f in ["negative", "abs", "sign", "square", "exp", "expm1", "tanh", "isnan", "isinf", "isfinite"]},
    **{f: REAL for f in ["sqrt", "log", "log1p", "logicalNot"]},
    **{f: SMALL for f in ["sin", "cos"]},
}
EXACT = {"negative", "abs", "sign", "square", "isnan", "isinf", "isfinite", "logicalNot", "sqrt"}
BINARY = ["add", "subtract", "multiply", "divide", "floorDivide", "remainder", "power", "maximum", "minimum"]
COMPARE = ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual", "logicalAnd", "logicalOr"]
ROUNDING = {"power"}


def record(r):
    unary(r)
    binary(r)
    choosing(r)
    closeness(r)


def unary(r):
    for name, values in UNARY.items():
        fn, tol = f"np.{name}", 0 if name in EXACT else None
        r.case(fn, "special values", np.array(values, np.float32), tol=tol)
        r.case(fn, "float64", np.array(values[:9]), x64=True, tol=tol)
        r.case(fn, "a matrix", r.normal(2, 3), tol=tol)
        r.case(fn, "no elements", np.zeros((2, 0), np.float32), tol=0)
        r.case(fn, "a number", 2, tol=tol)
        r.case(fn, "int32", np.array([0, 1, 3, 7], np.int32), tol=tol)
    for name in ["negative", "abs", "sign", "square"]:
        r.case(f"np.{name}", "negative int32", np.array([-7, -1, 0, 4], np.int32), tol=0)
    for name in ["exp", "sqrt", "sin", "tanh", "log1p", "isnan", "logicalNot", "isfinite"]:
        r.case(f"np.{name}", "bool", np.array([True, False]), tol=0 if name in EXACT else None)
    for name in ["abs", "sign", "square"]:
        r.case(f"np.{name}", "uint32", np.array([0, 3, 9], np.uint32), tol=0)
    r.case("np.exp", "over- and underflow", np.array([88.5, 89, 1000, -1000], np.float32))
    r.case("np.expm1", "tiny keeps its digits", np.array([1e-7, -1e-7, 1e-4], np.float32))
    r.case("np.log1p", "tiny keeps its digits", np.array([1e-7, -1e-7, 1e-4], np.float32))
    r.case("np.tanh", "large and tiny", np.array([1e-4, 9, 20, -20, 88], np.float32))
    r.case("np.sin", "larger angles", np.array([100, 1000, -1234.5, 12345], np.float32))
    r.case("np.cos", "larger angles", np.array([100, 1000, -1234.5, 12345], np.float32))


def binary(r):
    column, row = np.array(PAIRS, np.float32)[:, None], np.array(PAIRS, np.float32)
    for name in BINARY + COMPARE:
        fn = f"np.{name}"
        tol = None if name in ROUNDING else 0
        arithmetic = name in BINARY
        r.case(fn, "every pair of special values", column, row, tol=tol)
        r.case(fn, "float64", r.normal(2, 3, dtype=np.float64), r.normal(3, dtype=np.float64), x64=True, tol=tol)
        r.case(fn, "broadcasts a column and a row", r.positive(3, 1), r.positive(1, 4), tol=tol)
        r.case(fn, "broadcasts ranks 1 and 3", r.positive(2), r.positive(2, 1, 2), tol=tol)
        r.case(fn, "no elements", np.zeros((0, 3), np.float32), np.ones((3,), np.float32), tol=0)
        r.case(fn, "ranks 0", np.float32(2), np.float32(3), tol=tol)
        r.case(fn, "float32 and a weak integer", r.positive(3), 2, tol=tol)
        r.case(fn, "int32 and a weak integer", r.integers(4, low=0), 3, tol=0)
        r.case(fn, "int32 and a weak fraction", r.integers(4, low=0), 2.5, tol=tol)
        r.case(fn, "int32 and float32", r.integers(4, low=0), r.positive(4), tol=tol)
        if arithmetic:
            r.case(fn, "a weak integer first", 3, r.positive(3), tol=tol)
            r.case(fn, "float32 and float64", r.positive(2), r.positive(2, dtype=np.float64), x64=True, tol=tol)
        if name not in ("power",):
            r.case(fn, "negative int32", r.integers(3, 1), np.array([-4, -3, 2, 5], np.int32), tol=0)
        r.case(fn, "uint32", np.array([0, 5, 9], np.uint32), np.array([4, 2, 3], np.uint32), tol=0)
        if name not in ("subtract", "floorDivide", "remainder", "power", "divide"):
            r.case(fn, "bool", np.array([[True], [False]]), np.array([True, False]), tol=0)
        if name not in ("power",):
            r.case(fn, "bool and float32", np.array([True, False]), np.array([0.5, 2], np.float32), tol=0)
    r.case("np.divide", "int32 by int32 is float32", np.array([1, 2, 7], np.int32), np.array([3, 4, -2], np.int32))
    r.case("np.power", "int32 to int32", np.array([-2, 3, 0, 5, 0], np.int32), np.array([5, 4, 3, 0, 0], np.int32), tol=0)
    for exponent in [0, 1, 2, 3, -1, -2, 7]:
        r.case("np.power", f"to the weak integer {exponent}", np.array([0, -0.0, -1.5, 2, NAN], np.float32), exponent)
    r.case("np.power", "to the weak fraction 0.5", np.array([0, -0.0, -1.5, 2, INF, -INF], np.float32), 0.5)
    r.case("np.power", "float to int32", np.array([2, -3, 0.5], np.float32), np.array([3, 3, -2], np.int32))


def choosing(r):
    condition = np.array([[True], [False]])
    r.case("np.where", "broadcasts three ways", condition, r.normal(3), r.normal(2, 1), tol=0)
    r.case("np.where", "weak branches", np.array([True, False, True]), 1, 0.5, tol=0)
    r.case("np.where", "int32 and float32", np.array([True, False]), r.integers(2), r.normal(2), tol=0)
    r.case("np.where", "int32 and a weak integer", np.array([True, False]), r.integers(2), 7, tol=0)
    r.case("np.where", "a number as condition", np.array([0, 2, -1], np.int32), r.normal(3), 0, tol=0)
    r.case("np.where", "NaN in the branch not taken", np.array([True, False]), 1.0, np.array([NAN, NAN], np.float32), tol=0)
    r.case("np.where", "bool branches", np.array([True, False]), np.array([False, False]), np.array([True, True]), tol=0)
    r.case("np.where", "no elements", np.zeros((0,), bool), np.zeros((0,), np.float32), 1.0, tol=0)
    x = np.array([-3, -1, 0.5, 2, 7, NAN, INF, -INF], np.float32)
    r.case("np.clip", "both ends", x, -1, 2, tol=0)
    r.case("np.clip", "only below", x, -1, None, tol=0)
    r.case("np.clip", "only above", x, None, 2, tol=0)
    r.case("np.clip", "low over high gives high", x, 3, 1, tol=0)
    r.case("np.clip", "array ends", r.normal(2, 3), np.array([-0.5, 0, 0.1], np.float32), np.array([[0.5], [1]], np.float32), tol=0)
    r.case("np.clip", "int32", r.integers(6), -2, 3, tol=0)
    r.case("np.clip", "int32 with a fraction", r.integers(6), -2.5, 3.5, tol=0)


def closeness(r):
    x = r.normal(3)
    r.case("np.allclose", "equal", x, x, tol=0)
    r.case("np.allclose", "within rtol", x, x * np.float32(1.000005), tol=0)
    r.case("np.allclose", "outside rtol", x, x * np.float32(1.001), tol=0)
    r.case("np.allclose", "given rtol", x, x * np.float32(1.001), rtol=0.01, tol=0)
    r.case("np.allclose", "given atol", x, x + np.float32(0.05), atol=0.1, tol=0)
    r.case("np.allclose", "NaN differs from NaN", np.array([NAN], np.float32), np.array([NAN], np.float32), tol=0)
    r.case("np.allclose", "equalNan", np.array([NAN], np.float32), np.array([NAN], np.float32), equal_nan=True, tol=0)
    r.case("np.allclose", "equal infinities", np.array([INF, -INF], np.float32), np.array([INF, -INF], np.float32), tol=0)
    r.case("np.allclose", "opposite infinities", np.array([INF], np.float32), np.array([-INF], np.float32), tol=0)
    r.case("np.allclose", "broadcasts", r.normal(2, 3) * 0 + 1, 1, tol=0)
