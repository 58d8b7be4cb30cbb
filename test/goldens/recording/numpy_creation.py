"""Making arrays, their types and conversions."""

import jax
import jax.numpy as jnp
import numpy as np

from .recorder import precision


def record(r):
    dtypes = ["float32", "int32", "uint32", "bool", "float16", "bfloat16", "int8", "uint8"]
    for fn in ["np.zeros", "np.ones"]:
        r.case(fn, "float32 by default", [2, 3], tol=0)
        r.case(fn, "of shape []", [], tol=0)
        r.case(fn, "of no elements", [0, 3], tol=0)
        for dtype in dtypes:
            r.case(fn, dtype, [3], dtype=dtype, tol=0)
        r.case(fn, "float64", [3], dtype="float64", x64=True, tol=0)
        r.case(fn, "int64", [3], dtype="int64", x64=True, tol=0)
    r.case("np.full", "a fraction", [2, 2], 0.1, tol=0)
    r.case("np.full", "of a dtype", [2, 2], 7, dtype="int32", tol=0)
    r.case("np.full", "an integer as float32", [2], 7, dtype="float32", tol=0)
    r.case("np.full", "true", [2], True, tol=0)
    r.case("np.full", "NaN", [2], float("nan"), tol=0)
    r.case("np.full", "infinity of shape []", [], float("inf"), tol=0)
    r.case("np.full", "a row broadcast", [2, 3], np.array([1, 2, 3], np.float32), tol=0)
    r.case("np.full", "an array keeps its dtype", [2], np.array(3, np.uint32), tol=0)
    r.case("np.full", "float64", [2], 0.1, dtype="float64", x64=True, tol=0)

    r.case("np.arange", "of integers", 5, tol=0)
    r.case("np.arange", "start and stop", 2, 7, tol=0)
    r.case("np.arange", "with a step", 1, 10, 3, tol=0)
    r.case("np.arange", "backwards", 5, -3, -2, tol=0)
    r.case("np.arange", "empty", 3, 3, tol=0)
    r.case("np.arange", "empty, wrong direction", 0, 5, -1, tol=0)
    r.case("np.arange", "of a fraction", 2.5, tol=0)
    r.case("np.arange", "with a fractional step", 0, 1, 0.25, tol=0)
    r.case("np.arange", "with a step of a tenth", 0, 1, 0.1)
    r.case("np.arange", "as float32", 4, dtype="float32", tol=0)
    r.case("np.arange", "as uint8", 4, dtype="uint8", tol=0)
    r.case("np.arange", "as float64 with a step", 0, 2, 0.5, dtype="float64", x64=True, tol=0)

    r.case("np.linspace", "five points", 0, 1, 5, tol=0)
    r.case("np.linspace", "without the end", 0, 1, 5, endpoint=False)
    r.case("np.linspace", "descending", 3, -2, 6)
    r.case("np.linspace", "one point", 2, 5, 1, tol=0)
    r.case("np.linspace", "no points", 2, 5, 0, tol=0)
    r.case("np.linspace", "seven points hit the end", 0.1, 0.7, 7)
    r.case("np.linspace", "int32", 0, 10, 4, dtype="int32", tol=0)
    r.case("np.linspace", "float64", 0, 1, 4, dtype="float64", x64=True)

    r.case("np.eye", "square", 3, tol=0)
    r.case("np.eye", "wide", 2, 4, tol=0)
    r.case("np.eye", "above", 3, 4, k=1, tol=0)
    r.case("np.eye", "below", 4, 3, k=-2, tol=0)
    r.case("np.eye", "outside", 2, 2, k=5, tol=0)
    r.case("np.eye", "int32", 3, dtype="int32", tol=0)
    r.case("np.eye", "of no rows", 0, tol=0)

    for fn in ["np.zerosLike", "np.onesLike"]:
        for x in [r.normal(2, 3), r.integers(4), np.array([True, False]), np.zeros((0, 2), np.float32)]:
            r.case(fn, f"{x.dtype} {list(x.shape)}", x, tol=0)
        r.case(fn, "with a dtype", r.normal(2), dtype="int32", tol=0)
    r.case("np.fullLike", "float32", r.normal(2, 2), 3, tol=0)
    r.case("np.fullLike", "int32 keeps its dtype", r.integers(3), 7, tol=0)
    r.case("np.fullLike", "with a dtype", r.integers(3), 2.5, dtype="float32", tol=0)

    r.case("np.array", "nested fractions", [[0.5, 1.5], [2.5, -3.5]], tol=0)
    r.case("np.array", "nested booleans", [[True, False], [False, False]], tol=0)
    r.case("np.array", "nested integers", [[1, 2], [3, 4]], tol=0)
    r.case("np.array", "nested integers as int32", [[1, 2], [3, 4]], dtype="int32", tol=0)
    for ndmin in [0, 1, 2, 4]:
        r.case("np.array", f"a row of rank {ndmin} at least", [0.5, 1.5], ndmin=ndmin, tol=0)
        r.case("np.array", f"a number of rank {ndmin} at least", 0.5, ndmin=ndmin, tol=0)
    r.case("np.array", "integers and a fraction", [1, 2.5], tol=0)
    r.case("np.array", "an empty list", [], tol=0)
    r.case("np.array", "empty rows", [[], []], tol=0)
    r.case("np.array", "a number", 2.5, tol=0)
    r.case("np.array", "an array with a dtype", r.integers(3), dtype="float32", tol=0)
    r.case("np.array", "rounds to float32", [0.1, 1 / 3, 16777217.0], tol=0)
    conversions(r)


def conversions(r):
    floats = np.array([0.0, 0.9, -0.9, 1.5, -2.5, 3.0, 100.25], np.float32)
    sources = {
        "float32": floats,
        "int32": np.array([0, 1, 2, 127, 100], np.int32),
        "uint32": np.array([0, 1, 127], np.uint32),
        "bool": np.array([True, False]),
        "int8": np.array([-128, -1, 0, 127], np.int8),
        "uint8": np.array([0, 1, 255], np.uint8),
        "float16": floats.astype(np.float16),
        "bfloat16": np.asarray(jnp.asarray(floats).astype("bfloat16")),
        "int64": np.array([0, 1, -5, 2**31 - 1], np.int64),
        "float64": floats.astype(np.float64),
    }
    fits = {"uint32": [0, 1, 3, 100], "uint8": [0, 1, 3, 100]}
    for source, x in sources.items():
        for target in sources:
            if target == source:
                continue
            wide = "64" in source + target
            # Only values that the target holds: the others are under integers.
            values = np.asarray(fits[target], np.float64).astype(x.dtype) if target in fits and source != "bool" else x
            if target == "int8" and source not in ("bool", "int8"):
                values = np.asarray([0, 1, 3, 100], np.float64).astype(x.dtype)
            r.case("np.astype", f"{source} to {target}", values, target, x64=wide, tol=0)
    halves = np.array([1 / 3, 65504, 1e5, 1e-4, 2049, 2051, -0.0, np.inf, np.nan], np.float32)
    r.case("np.astype", "float16 rounds to even and overflows", halves, "float16", tol=0)
    r.case("np.astype", "bfloat16 rounds to even", halves, "bfloat16", tol=0)
    r.case("np.astype", "float64 to float32 rounds", np.array([0.1, 1e40, -1e40, 1e-50]), "float32", x64=True, tol=0)
    r.case("np.astype", "NaN and infinities are true", np.array([np.nan, np.inf, -0.0], np.float32), "bool", tol=0)
    r.case("np.astype", "subnormal float16", np.array([1e-6, 6e-8, 1e-8], np.float32), "float16", tol=0)
