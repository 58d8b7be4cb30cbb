"""Reductions of chosen elements, with and without a value to begin with."""

import numpy as np


def record(r):
    x = r.normal(2, 3, 4)
    where = r.rng.random((2, 3, 4)) < 0.6
    row = np.array([True, False, True, True])
    for name in ["sum", "prod", "mean", "var", "std"]:
        fn = f"np.{name}"
        r.derivatives(fn, "where, everything", x, where=where)
        r.derivatives(fn, "where, an axis", x, axis=2, where=row)
        r.derivatives(fn, "where, keepdims", x, axis=[0, 2], keepdims=True, where=row)
    r.case("np.var", "where, ddof", x, axis=2, ddof=1, where=row)
    for name in ["sum", "prod", "max", "min"]:
        fn = f"np.{name}"
        r.derivatives(fn, "initial", x, axis=1, initial=0.5)
        r.derivatives(fn, "where, initial", x, axis=1, initial=0.5, where=where)
        r.case(fn, "nothing, initial", np.zeros((2, 0), np.float32), axis=1, initial=2.5)
        r.case(fn, "integers, initial", np.array([3, -1, 2], np.int32), initial=1)
    for name in ["all", "any"]:
        r.case(f"np.{name}", "where", x > 0, axis=1, where=where)
        r.case(f"np.{name}", "where, nothing", x > 0, axis=1, where=np.array(False))
