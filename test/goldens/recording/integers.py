"""The edges of integer arithmetic and of conversions to integers, as XLA decides them on a CPU."""

import numpy as np

I32 = np.iinfo(np.int32)
U32 = np.iinfo(np.uint32)
EDGES = np.array([I32.min, I32.min + 1, -65537, -1, 0, 1, 46341, 65536, I32.max], np.int32)
UNSIGNED = np.array([0, 1, 65535, 65536, 2**31, U32.max - 1, U32.max], np.uint32)


def record(r):
    arithmetic(r)
    shifts(r)
    bits(r)
    conversions(r)
    rounding(r)


def arithmetic(r):
    pairs = lambda v: (v[:, None], v)
    for name in ["add", "subtract", "multiply", "maximum", "minimum", "less", "equal", "greaterEqual"]:
        r.case(f"np.{name}", "every pair of int32 edges", *pairs(EDGES), tol=0)
        r.case(f"np.{name}", "every pair of uint32 edges", *pairs(UNSIGNED), tol=0)
    r.case("np.multiply", "large int32 products are exact", *pairs(r.integers(6, low=I32.min, high=I32.max)), tol=0)
    wide = r.rng.integers(0, 2**32, size=6).astype(np.uint32)
    r.case("np.multiply", "large uint32 products are exact", *pairs(wide), tol=0)
    for name in ["negative", "abs", "square", "sign"]:
        r.case(f"np.{name}", "int32 edges", EDGES, tol=0)
    r.case("np.negative", "uint32 edges", UNSIGNED, tol=0)
    signs = np.array([-7, -6, -1, 0, 1, 6, 7], np.int32)
    divisors = np.array([-3, -2, -1, 1, 2, 3], np.int32)
    for name in ["floorDivide", "remainder"]:
        fn = f"np.{name}"
        r.case(fn, "signs of int32", signs[:, None], divisors, tol=0)
        r.case(fn, "signs of float32", signs[:, None].astype(np.float32), divisors.astype(np.float32), tol=0)
        r.case(fn, "fractions of both signs", np.array([[-5.5], [5.5], [-0.75]], np.float32), np.array([2, -2, 0.5], np.float32), tol=0)
        r.case(fn, "float32 by zero", np.array([1, -1, 0], np.float32), np.array([0, 0, 0], np.float32), tol=0)
        r.case(fn, "int32 by zero", EDGES, np.zeros((9,), np.int32), tol=0)
        r.case(fn, "uint32 by zero", UNSIGNED, np.zeros((7,), np.uint32), tol=0)
        r.case(fn, "the least int32 by -1", np.array([I32.min], np.int32), np.array([-1], np.int32), tol=0)
        r.case(fn, "uint32 edges", UNSIGNED[:, None], UNSIGNED[1:], tol=0)
    for name in ["div", "rem"]:
        fn = f"lax.{name}"
        r.case(fn, "signs of int32", *np.broadcast_arrays(signs[:, None], divisors), tol=0)
        r.case(fn, "int32 by zero", EDGES, np.zeros((9,), np.int32), tol=0)
        r.case(fn, "uint32 by zero", UNSIGNED, np.zeros((7,), np.uint32), tol=0)
        r.case(fn, "the least int32 by -1", np.array([I32.min], np.int32), np.array([-1], np.int32), tol=0)
    r.case("np.power", "int32 wraps around", np.array([3, -3, 2, 2, 10], np.int32), np.array([21, 21, 31, 32, 10], np.int32), tol=0)
    r.case("np.divide", "int32 by zero is float32", np.array([1, 0, -1], np.int32), np.zeros((3,), np.int32), tol=0)


def shifts(r):
    amounts = np.array([0, 1, 4, 31, 32, 33, 64], np.int32)
    values = np.array([1, -1, 5, -5, I32.min, I32.max], np.int32)
    grid = np.broadcast_arrays(values[:, None], amounts)
    unsigned = np.broadcast_arrays(UNSIGNED[:, None], amounts.astype(np.uint32))
    for name in ["shiftLeft", "shiftRightLogical", "shiftRightArithmetic"]:
        r.case(f"lax.{name}", "int32, up to and past the width", *grid, tol=0)
        r.case(f"lax.{name}", "uint32, up to and past the width", *unsigned, tol=0)
        r.case(f"lax.{name}", "int32 by negative amounts", values, np.full((6,), -1, np.int32), tol=0)


def bits(r):
    left, right = np.array([12, -1, I32.min, 7], np.int32), np.array([10, 255, -1, 0], np.int32)
    for name in ["bitwiseAnd", "bitwiseOr", "bitwiseXor"]:
        r.case(f"lax.{name}", "int32", left, right, tol=0)
        r.case(f"lax.{name}", "uint32", left.view(np.uint32), right.view(np.uint32), tol=0)
        r.case(f"lax.{name}", "bool", np.array([True, True, False]), np.array([True, False, False]), tol=0)
    r.case("lax.bitwiseNot", "int32", left, tol=0)
    r.case("lax.bitwiseNot", "uint32", left.view(np.uint32), tol=0)
    r.case("lax.bitwiseNot", "bool", np.array([True, False]), tol=0)
    floats = np.array([0, -0.0, 1, -2.5, np.inf, -np.inf], np.float32)
    r.case("lax.bitcastConvertType", "float32 to int32", floats, "int32", tol=0)
    r.case("lax.bitcastConvertType", "float32 to uint32", floats, "uint32", tol=0)
    r.case("lax.bitcastConvertType", "int32 to float32", np.array([0, 1065353216, -1073741824], np.int32), "float32", tol=0)


def conversions(r):
    floats = [np.nan, np.inf, -np.inf, 2147483648.0, -2147483648.0, 4294967296.0, -1.5, 0.99, -0.99, 1e20, -1e20, 3e9]
    for target in ["int32", "uint32", "int8", "uint8", "bool"]:
        r.case("np.astype", f"float32 to {target}: NaN, infinities, out of range", np.array(floats, np.float32), target, tol=0)
        r.case("np.astype", f"float64 to {target}: NaN, infinities, out of range", np.array(floats), target, x64=True, tol=0)
    r.case("np.astype", "float64 to int64: NaN, infinities, out of range", np.array(floats), "int64", x64=True, tol=0)
    r.case("np.astype", "float32 to int64: NaN, infinities, out of range", np.array(floats, np.float32), "int64", x64=True, tol=0)
    r.case("np.astype", "int32 to uint32 keeps the bits", EDGES, "uint32", tol=0)
    r.case("np.astype", "uint32 to int32 keeps the bits", UNSIGNED, "int32", tol=0)
    r.case("np.astype", "int32 to int8 keeps the low bits", np.array([128, 255, 256, -129, I32.max], np.int32), "int8", tol=0)
    r.case("np.astype", "int32 to uint8 keeps the low bits", np.array([-1, 256, 300, I32.min], np.int32), "uint8", tol=0)
    r.case("np.astype", "int32 to float32 rounds to even", np.array([16777217, 16777219, I32.max, I32.min], np.int32), "float32", tol=0)
    r.case("np.astype", "uint32 to float32 rounds to even", UNSIGNED, "float32", tol=0)
    r.case("np.astype", "int64 to int32 keeps the low bits", np.array([2**31, -(2**31) - 1, 2**40 + 7], np.int64), "int32", x64=True, tol=0)
    r.case("np.astype", "int32 to bool", EDGES, "bool", tol=0)


def rounding(r):
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388609.5, -0.0, np.nan, np.inf], np.float32)
    for name in ["floor", "ceil"]:
        r.case(f"lax.{name}", "halves", halves, tol=0)
    r.case("np.round", "halves go to even", halves, tol=0)
    r.case("np.round", "halves go to even, float64", np.array([0.5, 1.5, 2.5, -3.5, 0.49999999999999994]), x64=True, tol=0)
    r.case("np.round", "int32 stays", np.array([1, -2], np.int32), tol=0)
