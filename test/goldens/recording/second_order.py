"""Hessians: forward over reverse."""

import numpy as np


def record(r):
    v = r.normal(3)
    for name in [
        "cube", "quartic", "product", "rosenbrock", "sumOfExp", "sumOfTanh", "sumOfLog", "sumOfSoftplus", "logsumexp",
        "variance", "cumulative", "cumulativeProduct", "largest", "sorted", "gathered", "scattered", "norm",
    ]:  # fmt: skip
        r.hessian(name, "three numbers", v)
        r.hessian(name, "float64", r.normal(3, dtype=np.float64), x64=True)
    r.hessian("productOfPairs", "a matrix", r.normal(2, 2))
    r.hessian("product", "a zero", np.array([1, 0, 3], np.float32))
    r.hessian("product", "two zeros", np.array([0, 0, 3], np.float32))
    r.hessian("cumulativeProduct", "a zero", np.array([1, 0, 3], np.float32))
    r.hessian("quotient", "two rows", r.positive(2, 2))
    r.hessian("bilinear", "a matrix", v, r.normal(3, 3))
    r.hessian("crossEntropy", "labels", v, np.array([0.2, 0.5, 0.3], np.float32))
    r.hessian("softmaxDot", "a vector", v, r.normal(3))
    r.hessian("power", "exponents", r.positive(3), r.positive(3))
    r.hessian("power", "zero base", np.array([0, 1], np.float32), np.array([2, 3], np.float32))
    w1, w2, x = r.normal(2, 2), r.normal(2, 1), r.normal(3, 2)
    for name in ["relu", "tanh", "sigmoid", "gelu", "softplus", "silu", "elu", "selu"]:
        r.hessian(f"mlp.{name}", "first weights", w1, w2, x)
