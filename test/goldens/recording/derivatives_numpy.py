"""Jacobian-vector and vector-Jacobian products of numpy functions, at random (co)tangents."""

import numpy as np

SMOOTH = ["sin", "cos", "tanh", "exp", "expm1", "square", "negative", "arctan", "sinh", "cosh", "arcsinh", "exp2"]
POSITIVE = ["log", "log1p", "sqrt", "cbrt", "log2", "log10", "reciprocal"]
INSIDE = ["arcsin", "arccos", "arctanh", "tan"]


def record(r):
    elementwise(r)
    binary(r)
    reductions(r)
    contractions(r)
    movement(r)
    indexing(r)


def elementwise(r):
    for name in SMOOTH + ["abs", "sign", "floor", "round"]:
        r.derivatives(f"np.{name}", "a matrix", r.normal(2, 3))
    for name in POSITIVE:
        r.derivatives(f"np.{name}", "positive numbers", r.positive(2, 3))
    for name in INSIDE:
        r.derivatives(f"np.{name}", "inside (-1, 1)", r.positive(4, low=-0.9, high=0.9))
    r.derivatives("np.arccosh", "above 1", r.positive(4, low=1.2, high=3))
    for name in ["sin", "log1p", "tanh", "exp"]:
        r.derivatives(f"np.{name}", "float64", r.positive(3, dtype=np.float64), x64=True)


def binary(r):
    for name in ["add", "subtract", "multiply", "divide", "maximum", "minimum", "arctan2", "logaddexp", "hypot"]:
        fn = f"np.{name}"
        r.derivatives(fn, "one shape", r.normal(2, 3), r.positive(2, 3), wrt=(0, 1))
        r.derivatives(fn, "broadcast", r.normal(3), r.positive(2, 1), wrt=(0, 1))
        r.derivatives(fn, "a scalar", r.normal(2, 3), np.float32(1.5), wrt=(0, 1))
    r.derivatives("np.power", "one shape", r.positive(2, 3), r.normal(2, 3), wrt=(0, 1))
    r.derivatives("np.power", "a constant exponent", r.normal(4), 3)
    r.derivatives("np.remainder", "one shape", r.normal(4, scale=5), r.positive(4), wrt=(0, 1))
    r.derivatives("np.where", "both branches", np.array([True, False, True]), r.normal(3), r.normal(2, 1), wrt=(1, 2))
    r.derivatives("np.clip", "bounds", r.normal(6, scale=2), -1.0, 1.0)


def reductions(r):
    x = r.normal(2, 3, 4)
    for name in ["sum", "mean", "max", "min", "prod", "var", "std"]:
        fn = f"np.{name}"
        r.derivatives(fn, "everything", r.normal(2, 3))
        r.derivatives(fn, "axis 1", x, axis=1)
        r.derivatives(fn, "two axes, keepdims", x, axis=[0, -1], keepdims=True)
    r.derivatives("np.cumsum", "axis 1", x, axis=1)
    r.derivatives("np.cumprod", "axis 0", r.normal(3, 2), axis=0)


def contractions(r):
    r.derivatives("np.matmul", "matrices", r.normal(2, 3), r.normal(3, 4), wrt=(0, 1))
    r.derivatives("np.matmul", "batches broadcast", r.normal(2, 1, 2, 3), r.normal(3, 3, 2), wrt=(0, 1))
    r.derivatives("np.matmul", "a vector", r.normal(3), r.normal(2, 3, 2), wrt=(0, 1))
    r.derivatives("np.dot", "tensors", r.normal(2, 3), r.normal(2, 3, 2), wrt=(0, 1))
    r.derivatives("np.outer", "vectors", r.normal(2), r.normal(3), wrt=(0, 1))
    r.derivatives("np.inner", "matrices", r.normal(2, 3), r.normal(4, 3), wrt=(0, 1))
    r.derivatives("np.tensordot", "one axis", r.normal(2, 2, 3), r.normal(3, 2, 2), 1, wrt=(0, 1))
    for subscripts, a, b in [
        ("ij,jk->ik", (2, 3), (3, 2)), ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("ij,ij->", (2, 3), (2, 3)),
        ("...i,...i->...", (2, 3), (2, 3)), ("ij,kl->ijkl", (2, 2), (1, 3)), ("ii,i->i", (3, 3), (3,)),
    ]:  # fmt: skip
        r.derivatives("np.einsum", subscripts, subscripts, r.normal(*a), r.normal(*b), wrt=(1, 2))


def movement(r):
    x = r.normal(2, 3, 2)
    r.derivatives("np.reshape", "to a matrix", x, [3, 4])
    r.derivatives("np.transpose", "reversed", x)
    r.derivatives("np.transpose", "an order", x, [1, 2, 0])
    r.derivatives("np.swapaxes", "outer", x, 0, 2)
    r.derivatives("np.moveaxis", "first to last", x, 0, -1)
    r.derivatives("np.expandDims", "in the middle", x, 1)
    r.derivatives("np.broadcastTo", "a row", r.normal(3), [2, 3])
    r.derivatives("np.flip", "axis 1", x, axis=1)
    r.derivatives("np.roll", "everything", x, 2)
    r.derivatives("np.tile", "twice", r.normal(2), 3)
    r.derivatives("np.repeat", "axis 0", r.normal(2, 2), 2, axis=0)
    r.derivatives("np.tril", "a matrix", r.normal(3, 3))
    r.derivatives("np.triu", "above the diagonal", r.normal(3, 3), 1)
    r.derivatives("np.diagonal", "a matrix", r.normal(3, 3))
    r.derivatives("np.trace", "a matrix", r.normal(3, 3))


def indexing(r):
    x = r.normal(4, 3)
    index = np.array([0, 3, 0, -1], np.int32)
    r.derivatives("np.take", "axis 0, repeated", x, index, axis=0)
    r.derivatives("np.take", "out of range", x, np.array([1, 9, -7], np.int32), axis=0)
    r.derivatives("np.takeAlongAxis", "axis 1", x, np.array([[0], [2], [1], [1]], np.int32), 1)
    r.derivatives("at.get", "a row", x, [1])
    r.derivatives("at.get", "repeated rows", x, [index])
    r.derivatives("at.get", "a step", x, [slice(None), slice(0, 3, 2)])
    for method in ["set", "add", "multiply", "min", "max"]:
        r.derivatives(f"at.{method}", "a row", x, [1], r.normal(3), wrt=(0, 2))
    for method in ["add", "min", "max"]:
        r.derivatives(f"at.{method}", "different rows", x, [np.array([2, 0], np.int32)], r.normal(2, 3), wrt=(0, 2))
    r.derivatives("at.add", "repeated rows", x, [index], r.normal(4, 3), wrt=(0, 2))
