"""Reductions and cumulative sums: axes, keepdims, dtypes, no elements, NaN."""

import numpy as np

INF, NAN = np.inf, np.nan


def record(r):
    for name in ["sum", "mean", "prod", "max", "min", "var", "std", "all", "any"]:
        general(r, name)
    empty(r)
    special(r)
    positions(r)
    cumulative(r)


def general(r, name):
    fn = f"np.{name}"
    logical = name in ("all", "any")
    tol = 0 if logical or name in ("max", "min") else None
    data = (lambda *s: r.integers(*s, low=0, high=2)) if logical else (lambda *s: r.positive(*s))
    cube = data(2, 3, 4)
    r.case(fn, "everything", cube, tol=tol)
    for what, axis in {"axis 0": 0, "axis -1": -1, "axes 0 and 2": [0, 2], "axes -1 and 1": [-1, 1], "no axes": []}.items():
        options = {"axis": axis}
        r.case(fn, what, cube, tol=tol, **options)
        r.case(fn, f"{what}, keepdims", cube, keepdims=True, tol=tol, **options)
    r.case(fn, "everything, keepdims", data(2, 3), keepdims=True, tol=tol)
    r.case(fn, "of rank 0", np.float32(2.5), tol=tol)
    r.case(fn, "int32", r.integers(2, 3, low=-4, high=5), axis=1, tol=tol)
    r.case(fn, "uint32", np.array([3, 1, 2], np.uint32), tol=tol)
    r.case(fn, "bool", np.array([[True, False, True], [True, True, True]]), axis=1, tol=tol)
    r.case(fn, "with NaN", np.array([[1, NAN], [2, 3]], np.float32), axis=1, tol=tol)
    r.case(fn, "with infinities", np.array([[1, INF], [2, -INF], [-INF, INF]], np.float32), axis=1, tol=tol)
    if not logical:
        r.case(fn, "float64", r.normal(2, 3, dtype=np.float64), axis=0, x64=True, tol=tol)
        r.case(fn, "float16 keeps its dtype", r.normal(4).astype(np.float16))
    # An axis without elements beside axes that have some: nothing is reduced.
    r.case(fn, "no elements left", np.zeros((0, 3), np.float32), axis=1, tol=tol)


def empty(r):
    nothing = np.zeros((0,), np.float32)
    for name in ["sum", "mean", "prod", "var", "std", "all", "any"]:
        r.case(f"np.{name}", "of nothing", nothing)
        r.case(f"np.{name}", "rows of nothing", np.zeros((2, 0), np.float32), axis=1)
    r.case("np.sum", "of nothing, int32", np.zeros((0,), np.int32), tol=0)
    r.case("np.prod", "of nothing, int32", np.zeros((0,), np.int32), tol=0)


def special(r):
    r.case("np.sum", "bool counts", np.array([True, True, False]), tol=0)
    r.case("np.sum", "with a dtype", r.integers(4), dtype="float32", tol=0)
    r.case("np.sum", "float32 as int32", np.array([1, 2, 3], np.float32), dtype="int32", tol=0)
    r.case("np.sum", "int8 widens", np.array([100, 100, 100], np.int8), tol=0)
    r.case("np.sum", "uint8 widens", np.array([200, 200], np.uint8), tol=0)
    r.case("np.sum", "int32 wraps around", np.array([2**31 - 1, 1], np.int32), tol=0)
    r.case("np.sum", "opposite infinities", np.array([INF, -INF], np.float32), tol=0)
    r.case("np.sum", "4096 tenths", np.full((4096,), 0.1, np.float32).reshape(64, 64)[:4], tol={"rtol": 1e-6, "atol": 0})
    r.case("np.prod", "with a zero", np.array([2, 0, 3], np.float32), tol=0)
    r.case("np.prod", "int32 wraps around", np.array([65536, 65536, 3], np.int32), tol=0)
    r.case("np.mean", "int32 is float32", np.array([1, 2], np.int32), tol=0)
    r.case("np.mean", "with a dtype", np.array([1, 2], np.int32), dtype="float32", tol=0)
    r.case("np.max", "opposite infinities", np.array([INF, -INF], np.float32), tol=0)
    r.case("np.max", "all of minus infinity", np.array([-INF, -INF], np.float32), tol=0)
    r.case("np.max", "negative int32", np.array([-5, -2, -9], np.int32), tol=0)
    r.case("np.min", "negative int32", np.array([-5, -2, -9], np.int32), tol=0)
    r.case("np.all", "NaN counts as true", np.array([NAN, 1], np.float32), tol=0)
    for name in ["var", "std"]:
        r.case(f"np.{name}", "ddof 1", r.normal(5), ddof=1)
        r.case(f"np.{name}", "ddof 1 by rows, keepdims", r.normal(2, 5), axis=-1, ddof=1, keepdims=True)
        r.case(f"np.{name}", "one element, ddof 1", r.normal(1), ddof=1)
        r.case(f"np.{name}", "far from zero", np.array([10000, 10001, 10002], np.float32))
        r.case(f"np.{name}", "a constant", np.array([3, 3, 3], np.float32), tol=0)


def positions(r):
    for name in ["argmax", "argmin"]:
        fn = f"np.{name}"
        cube = r.normal(2, 3, 4)
        r.case(fn, "flattened", cube, tol=0)
        r.case(fn, "axis 0", cube, axis=0, tol=0)
        r.case(fn, "axis -1, keepdims", cube, axis=-1, keepdims=True, tol=0)
        r.case(fn, "flattened, keepdims", r.normal(2, 3), keepdims=True, tol=0)
        r.case(fn, "ties go to the first", np.array([[1, 3, 3], [0, 0, 0], [2, 1, 1]], np.float32), axis=1, tol=0)
        r.case(fn, "NaN wins", np.array([[1, NAN, 3], [NAN, 2, NAN], [INF, NAN, -INF]], np.float32), axis=1, tol=0)
        r.case(fn, "infinities", np.array([1, INF, -INF, INF, -INF], np.float32), tol=0)
        r.case(fn, "int32", r.integers(3, 4), axis=0, tol=0)
        r.case(fn, "uint32", np.array([3, 2**32 - 1, 0], np.uint32), tol=0)
        r.case(fn, "bool", np.array([False, True, True]), tol=0)
        r.case(fn, "of rank 0", np.float32(3), tol=0)
        r.case(fn, "of rank 0 with axis 0", np.ones((1,), np.float32), axis=0, tol=0)


def cumulative(r):
    cube = r.normal(2, 3, 4)
    r.case("np.cumsum", "flattened", r.normal(2, 3))
    r.case("np.cumsum", "axis 0", cube, axis=0)
    r.case("np.cumsum", "axis -1", cube, axis=-1)
    r.case("np.cumsum", "int32", r.integers(5), tol=0)
    r.case("np.cumsum", "bool counts", np.array([True, False, True]), tol=0)
    r.case("np.cumsum", "NaN stays", np.array([1, NAN, 2], np.float32), tol=0)
    r.case("np.cumsum", "infinities", np.array([1, INF, 2, -INF, 1], np.float32), tol=0)
    r.case("np.cumsum", "no elements", np.zeros((0,), np.float32), tol=0)
    r.case("np.cumsum", "no elements along another axis", np.zeros((0, 3), np.float32), axis=1, tol=0)
    r.case("np.cumsum", "float64", r.normal(4, dtype=np.float64), x64=True)
    r.case("np.cumsum", "int32 wraps around", np.array([2**31 - 1, 1, 1], np.int32), tol=0)
    r.case("np.cumsum", "with a dtype", r.integers(3), dtype="float32", tol=0)
