"""Random bits and the samplers that stand on them."""

import jax
import numpy as np

from .encode import Key

SEEDS = [0, 1, 42, -1, 2**31 - 1, 123456789]


def record(r):
    keys(r)
    bits(r)
    uniform(r)
    integers(r)
    continuous(r)
    discrete(r)
    orders(r)


def keys(r):
    for seed in SEEDS:
        r.case("random.key", f"seed {seed}", seed, tol=0)
    for n in [1, 2, 3, 5, 8]:
        r.case("random.split", f"in {n}", Key(0), n, tol=0)
    r.case("random.split", "in two by default", Key(42), tol=0)
    r.case("random.split", "in a shape", Key(7), [2, 3], tol=0)
    r.case("random.split", "in none", Key(7), 0, tol=0)
    for data in [0, 1, 2, 1000, 2**31, 2**32 - 1]:
        r.case("random.foldIn", f"{data}", Key(1), data, tol=0)
    r.case("splitTwice", "the second of the first", Key(3), tol=0)


def bits(r):
    for shape in [[], [1], [2], [3], [7], [16], [33], [2, 3], [3, 1, 5], [0], [2, 0]]:
        r.case("random.bits", f"shape {shape}", Key(0), shape, tol=0)
    for seed in SEEDS[1:]:
        r.case("random.bits", f"seed {seed}", Key(seed), [4], tol=0)


def uniform(r):
    for shape in [[], [1], [5], [2, 3], [0]]:
        r.case("random.uniform", f"shape {shape}", Key(5), shape, tol=0)
    for seed in SEEDS:
        r.case("random.uniform", f"seed {seed}", Key(seed), [6], tol=0)
    r.case("random.uniform", "from -1 to 1", Key(9), [8], minval=-1, maxval=1, tol=0)
    r.case("random.uniform", "from 2.5 to 10", Key(9), [8], minval=2.5, maxval=10, tol=0)
    r.case("random.uniform", "an empty range", Key(9), [3], minval=2, maxval=2, tol=0)
    r.case("random.uniform", "array bounds", Key(9), [2, 3], minval=np.array([0, 1, 2], np.float32), maxval=3.0, tol=0)
    r.case("random.uniform", "float64", Key(11), [5], dtype="float64", x64=True, tol=0)
    r.case("random.uniform", "float64 from -3 to 3", Key(11), [5], dtype="float64", minval=-3, maxval=3, x64=True, tol=0)


def integers(r):
    spans = [(0, 10), (-5, 5), (0, 1), (0, 2), (0, 256), (0, 1000003), (-(2**31), 2**31 - 1), (7, 7), (5, 2)]
    for low, high in spans:
        r.case("random.randint", f"from {low} to {high}", Key(2), [8], low, high, tol=0)
    for shape in [[], [3, 2], [0]]:
        r.case("random.randint", f"shape {shape}", Key(3), shape, 0, 100, tol=0)
    r.case("random.randint", "uint32", Key(4), [6], 0, 1000, dtype="uint32", tol=0)
    r.case("random.randint", "array bounds", Key(4), [2, 3], np.array([0, 10, 100], np.int32), np.array([10, 20, 1000], np.int32), tol=0)


def continuous(r):
    close = {"rtol": 2e-6, "atol": 1e-6}
    for name in ["normal", "gumbel", "exponential", "laplace"]:
        fn = f"random.{name}"
        for shape in [[], [7], [2, 3], [0]]:
            r.case(fn, f"shape {shape}", Key(6), shape, tol=close)
        for seed in SEEDS[:3]:
            r.case(fn, f"seed {seed}", Key(seed), [16], tol=close)
        r.case(fn, "float64", Key(8), [6], dtype="float64", x64=True, tol={"rtol": 1e-11, "atol": 1e-12})
    for low, high in [(-2, 2), (-1, 3), (0, 1), (-np.inf, 0.5)]:
        r.case("random.truncatedNormal", f"from {low} to {high}", Key(10), float(low), float(high), [8], tol=close)
    r.case("random.truncatedNormal", "shape []", Key(10), -2.0, 2.0, [], tol=close)
    bounds = np.array([-1, 0, 1], np.float32)
    r.case("random.truncatedNormal", "array bounds", Key(10), bounds, bounds + 1, [2, 3], tol=close)
    matrix = {"rtol": 1e-4, "atol": 2e-6}
    for n in [1, 2, 3, 5]:
        r.case("random.orthogonal", f"{n} by {n}", Key(12), n, tol=matrix)
    r.case("random.orthogonal", "a batch", Key(13), 2, [3], tol=matrix)


def discrete(r):
    for p in [0.5, 0.1, 0.0, 1.0]:
        r.case("random.bernoulli", f"p {p}", Key(14), p, [12], tol=0)
    r.case("random.bernoulli", "array p", Key(14), np.array([0.1, 0.5, 0.9], np.float32), [4, 3], tol=0)
    r.case("random.bernoulli", "array p, its shape", Key(14), np.array([0.1, 0.5, 0.9], np.float32), tol=0)
    r.case("random.bernoulli", "shape []", Key(15), 0.5, [], tol=0)
    logits = r.normal(4, 5)
    r.case("random.categorical", "rows", Key(16), logits, tol=0)
    r.case("random.categorical", "axis 0", Key(16), logits, axis=0, tol=0)
    r.case("random.categorical", "one row", Key(17), logits[0], tol=0)
    r.case("random.categorical", "one row, many draws", Key(17), logits[0], shape=[20], tol=0)
    r.case("random.categorical", "rows, many draws", Key(18), logits, axis=-1, shape=[3, 4], tol=0)
    r.case("random.categorical", "impossible categories", Key(19), np.array([-np.inf, 0, -np.inf, 0], np.float32), shape=[12], tol=0)


def orders(r):
    for n in [1, 2, 5, 10, 50]:
        r.case("random.permutation", f"of {n}", Key(20), n, tol=0)
    matrix = r.normal(4, 3)
    r.case("random.permutation", "rows of a matrix", Key(21), matrix, tol=0)
    r.case("random.permutation", "columns of a matrix", Key(21), matrix, axis=1, tol=0)
    r.case("random.permutation", "each row by itself", Key(21), matrix, axis=1, independent=True, tol=0)
    r.case("random.permutation", "a vector of int32", Key(22), r.integers(7), tol=0)
    p = np.array([0.1, 0.2, 0.3, 0.25, 0.15], np.float32)
    r.case("random.choice", "of five with replacement", Key(23), 5, [10], tol=0)
    r.case("random.choice", "one of five", Key(23), 5, [], tol=0)
    r.case("random.choice", "without replacement", Key(24), 8, [5], replace=False, tol=0)
    r.case("random.choice", "with p", Key(25), 5, [12], p=p, tol=0)
    r.case("random.choice", "with p, without replacement", Key(26), 5, [4], replace=False, p=p, tol=0)
    r.case("random.choice", "of a vector", Key(27), r.normal(6), [2, 3], tol=0)
    r.case("random.choice", "rows of a matrix", Key(28), matrix, [3], tol=0)
    r.case("random.choice", "rows of a matrix, without replacement", Key(28), matrix, [2], replace=False, tol=0)
    r.case("random.choice", "columns of a matrix", Key(29), matrix, [2], axis=1, tol=0)
