"""`x.at(...)`: basic and advanced indices, boolean masks, modes, repeated indices."""

import numpy as np

ALL, ELL, NEW = slice(None), Ellipsis, None


def index(*values):
    return np.array(values, np.int32)


def record(r):
    x, cube = r.normal(3, 4), r.normal(2, 3, 4)
    basic(r, x, cube)
    advanced(r, x, cube)
    boolean(r, x, cube)
    modes(r)
    updates(r, x, cube)


def get(r, what, x, *indices, **options):
    r.case("at.get", what, x, list(indices), tol=0, **options)


def basic(r, x, cube):
    v = r.normal(6)
    get(r, "a position", x, 1)
    get(r, "a negative position", x, -1)
    get(r, "two positions", x, 1, 2)
    get(r, "nothing", x)
    get(r, "all positions of rank 3", cube, 1, -1, 0)
    get(r, "a whole axis, then a position", x, ALL, 1)
    get(r, "an ellipsis, then a position", cube, ELL, 1)
    get(r, "a position, then an ellipsis", cube, 1, ELL)
    get(r, "an ellipsis between positions", cube, 0, ELL, 2)
    get(r, "an ellipsis that stands for no axis", x, 0, ELL, 1)
    get(r, "only an ellipsis", x, ELL)
    get(r, "a new axis first", x, NEW)
    get(r, "a new axis in the middle", x, ALL, NEW)
    get(r, "a new axis last", x, ELL, NEW)
    get(r, "new axes, slices and positions", cube, NEW, 1, slice(0, 2), NEW)
    slices = {
        "1 to 4": (1, 4, None),
        "from 2": (2, None, None),
        "up to -1": (None, -1, None),
        "each second": (None, None, 2),
        "from 1 each third": (1, None, 3),
        "reversed": (None, None, -1),
        "from 4 down to 1": (4, 1, -1),
        "backwards by two": (None, None, -2),
        "from -2 backwards": (-2, None, -1),
        "negative start": (-3, None, None),
        "past the end": (2, 99, None),
        "before the start": (-99, 2, None),
        "empty": (4, 2, None),
        "empty backwards": (1, 4, -1),
        "down to before the start": (3, -99, -1),
        "a step past the extent": (None, None, 10),
    }
    for what, bounds in slices.items():
        get(r, f"a slice, {what}", v, slice(*bounds))
    get(r, "slices of both axes", x, slice(1, None), slice(None, None, 2))
    get(r, "slices backwards of both axes", x, slice(None, None, -1), slice(3, 0, -2))
    get(r, "a slice and a position", cube, slice(0, 1), 2)
    get(r, "a slice of the last axis", cube, ELL, slice(1, 3))
    get(r, "an axis of no elements", np.zeros((0, 3), np.float32), ALL, 1)
    get(r, "int32", r.integers(3, 2), 1, slice(None, None, -1))
    get(r, "bool", np.array([[True, False]]), ALL, 0)


def advanced(r, x, cube):
    get(r, "an array of positions", x, index(2, 0, 2))
    get(r, "negative positions", x, index(-1, -3))
    get(r, "a matrix of positions", x, np.array([[0, 1], [2, 0]], np.int32))
    get(r, "no positions", x, np.zeros((0,), np.int32))
    get(r, "an array of rank 0", x, np.array(1, np.int32))
    get(r, "pairs of positions", x, index(0, 2), index(3, 1))
    get(r, "positions that broadcast", x, np.array([[0], [2]], np.int32), index(1, 3, 0))
    get(r, "an array and a number", x, index(0, 2), 1)
    get(r, "a number and an array", x, 1, index(0, 2))
    get(r, "a whole axis, then an array", x, ALL, index(3, 0))
    get(r, "an array between whole axes", cube, ALL, index(2, 0), ALL)
    get(r, "an array after an ellipsis", cube, ELL, index(2, 0))
    get(r, "arrays together in the middle", r.normal(2, 3, 2, 2), ALL, index(2, 0), index(0, 1))
    get(r, "arrays apart go to the front", cube, index(0, 1), ALL, index(3, 2))
    get(r, "an array and a number apart", cube, index(0, 1, 0), ALL, 2)
    get(r, "a number and an array apart", cube, 1, ALL, index(2, 0))
    get(r, "an array and a slice", cube, index(1, 0), slice(0, 2))
    get(r, "a slice and an array", cube, slice(0, 1), index(1, 2))
    get(r, "a slice with a step and an array", x, slice(None, None, -2), index(1, 3))
    get(r, "a new axis and an array", x, NEW, index(1, 0))
    get(r, "an array, a new axis, an array", x, index(0, 1), NEW, index(2, 3))
    get(r, "arrays with an ellipsis between", cube, index(0, 1), ELL, index(1, 1))
    get(r, "uint32 positions", x, np.array([2, 0], np.uint32))
    get(r, "of int32", r.integers(4), index(3, 3))


def boolean(r, x, cube):
    rows = np.array([True, False, True])
    get(r, "a mask of rows", x, rows)
    get(r, "a mask of everything", x, x > 0)
    get(r, "a mask that takes nothing", x, np.zeros((3,), bool))
    get(r, "a mask of the last axis", x, ALL, np.array([True, False, False, True]))
    get(r, "a mask of two leading axes", cube, cube[..., 0] > 0)
    get(r, "a mask of two trailing axes", cube, ALL, cube[0] > 0)
    get(r, "a mask and positions", x, rows, index(3, 0))
    get(r, "a mask and a number", x, rows, 2)
    get(r, "a mask and a slice", x, rows, slice(1, 3))


def modes(r):
    v, x = r.normal(4), r.normal(3, 4)
    out = index(0, 3, 4, 9, -1, -4, -5, -9)
    get(r, "out of range by default", v, out)
    for mode in ["clip", "fill"]:
        get(r, f"out of range, mode {mode}", v, out, mode=mode)
        get(r, f"a number out of range, mode {mode}", v, 7, mode=mode)
        get(r, f"one of a pair out of range, mode {mode}", x, index(1, 5), index(2, 0), mode=mode)
    get(r, "in range, mode promiseInBounds", v, index(1, -1), mode="promiseInBounds")
    get(r, "out of range, filled with a value", v, out, mode="fill", fill_value=7)
    get(r, "out of range, int32 filled", r.integers(3), index(1, 5), mode="fill")
    get(r, "out of range, uint32 filled", np.array([4, 5], np.uint32), index(1, 5), mode="fill")
    get(r, "out of range, bool filled", np.array([False, False]), index(1, 5), mode="fill")
    get(r, "rows out of range, filled", x, index(2, 3), mode="fill", fill_value=-1)
    for method in ["set", "add", "max"]:
        for mode in [None, "drop", "clip", "fill"]:
            options = {"mode": mode} if mode else {}
            r.case(f"at.{method}", f"out of range, mode {mode or 'default'}", v, [out], 5.0, tol=0, **options)


def updates(r, x, cube):
    v = r.normal(5)
    for method in ["set", "add", "multiply", "min", "max"]:
        put = lambda what, a, i, u, **o: r.case(f"at.{method}", what, a, list(i), u, tol=0, **o)
        put("a position", v, [2], 0.5)
        put("a negative position", v, [-1], 0.5)
        put("a row", x, [1], r.normal(4))
        put("a row by a number", x, [1], 2)
        put("a column", x, [ALL, 2], r.normal(3))
        put("a slice", v, [slice(1, 4)], r.normal(3))
        put("a slice with a step", v, [slice(None, None, 2)], r.normal(3))
        put("a slice backwards", v, [slice(None, None, -1)], r.normal(5))
        put("an empty slice", v, [slice(3, 1)], 9.0)
        put("slices of both axes", x, [slice(0, 2), slice(1, None, 2)], r.normal(2, 2))
        put("everything", x, [ELL], r.normal(4))
        put("after an ellipsis", cube, [ELL, 1], r.normal(2, 3))
        put("a block that broadcasts", cube, [0], r.normal(3, 1))
        put("positions", v, [index(3, 0)], r.normal(2))
        put("rows", x, [index(2, 0)], r.normal(2, 4))
        put("pairs of positions", x, [index(0, 2), index(1, 1)], r.normal(2))
        put("columns", x, [ALL, index(3, 1)], r.normal(3, 2))
        put("with a new axis", v, [NEW, slice(0, 2)], r.normal(1, 2))
        put("a mask with a number", x, [x > 0], 0.25)
        put("no positions", v, [np.zeros((0,), np.int32)], 1.0)
        put("int32", r.integers(4), [index(1, 2)], 3)
        put("uint32", np.array([1, 2, 3], np.uint32), [1], 2)
    for method in ["add", "multiply", "min", "max"]:
        r.case(f"at.{method}", "the same position twice", v, [index(1, 1, 3)], r.normal(3))
        r.case(f"at.{method}", "the same row twice", x, [index(0, 0)], r.normal(2, 4))
    r.case("at.set", "bool", np.array([True, False, True]), [slice(0, 2)], False, tol=0)
    r.case("at.set", "rows by a mask", x, [np.array([True, False, True])], np.array([[1], [2]], np.float32), tol=0)
    r.case("at.set", "numbers into int32", r.integers(3), [0], 7, tol=0)
    r.case("at.set", "arrays apart", cube, [index(0, 1), ALL, index(3, 2)], r.normal(2, 3), tol=0)
    r.case("at.max", "NaN", np.array([1, np.nan], np.float32), [index(0, 1)], np.array([np.nan, 2], np.float32), tol=0)
    r.case("at.add", "float64", r.normal(3, dtype=np.float64), [index(0, 0)], np.array([0.1, 0.2]), x64=True)
    r.case("at.mul", "is multiply", v, [index(1)], 3.0, tol=0)
