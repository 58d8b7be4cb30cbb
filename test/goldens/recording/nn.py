"""Activations, the softmax family, initializers."""

import numpy as np

from .encode import Key

INF, NAN = np.inf, np.nan
POINTS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 7.0, -8.0, 20.0, -20.0, 100.0, -100.0, NAN, INF, -INF]
ACTIVATIONS = [
    "relu", "relu6", "sigmoid", "softplus", "softSign", "silu", "swish", "logSigmoid", "leakyRelu", "hardSigmoid",
    "hardSilu", "hardTanh", "elu", "celu", "selu", "gelu", "squareplus", "mish", "tanh", "identity",
]  # fmt: skip


def record(r):
    activations(r)
    softmaxes(r)
    logsumexp(r)
    rest(r)
    initializers(r)
    integers(r)


def activations(r):
    points = np.array(POINTS, np.float32)
    for name in ACTIVATIONS:
        fn = f"nn.{name}"
        r.case(fn, "special values", points)
        r.case(fn, "a matrix", r.normal(2, 3))
        if name != "identity":
            r.case(fn, "float64", np.array(POINTS[:15]), x64=True)
    r.case("nn.gelu", "by erf", points, approximate=False)
    r.case("nn.gelu", "by erf, float64", np.array(POINTS[:15]), approximate=False, x64=True)
    r.case("nn.leakyRelu", "slope 0.2", points, 0.2)
    r.case("nn.elu", "alpha 2", points, 2)
    r.case("nn.celu", "alpha 2", points, 2.0)
    r.case("nn.squareplus", "b 1", points, 1)
    r.case("nn.glu", "last axis", r.normal(2, 4))
    r.case("nn.glu", "axis 0", r.normal(4, 3), 0)
    r.case("nn.relu", "int32", np.array([-2, 0, 3], np.int32))


def softmaxes(r):
    hard = np.array([[1000, 0, -1000], [INF, 0, 1], [-INF, 0, 1], [-INF, -INF, -INF], [NAN, 0, 1]], np.float32)
    for name in ["softmax", "logSoftmax"]:
        fn = f"nn.{name}"
        x = r.normal(2, 3, 4)
        r.case(fn, "last axis", x)
        r.case(fn, "axis 0", x, axis=0)
        r.case(fn, "two axes", x, axis=[1, 2])
        r.case(fn, "special rows", hard)
        r.case(fn, "equal values", np.zeros((1, 4), np.float32))
        r.case(fn, "where", r.normal(2, 3), where=np.array([[True, False, True], [True, True, True]]))
        r.case(fn, "where, a row of nothing", r.normal(2, 3), where=np.array([[False, False, False], [True, True, False]]))
        r.case(fn, "float64", r.normal(2, 3, dtype=np.float64), x64=True)


def logsumexp(r):
    fn, x = "nn.logsumexp", r.normal(2, 3, 4)
    r.case(fn, "everything", x)
    r.case(fn, "axis 1", x, axis=1)
    r.case(fn, "two axes, keepdims", x, axis=[0, -1], keepdims=True)
    r.case(fn, "weights", r.normal(2, 3), axis=1, b=r.positive(2, 3))
    r.case(fn, "weights with zeros", r.normal(3), b=np.array([0, 1, 2], np.float32))
    r.case(fn, "weights that sum to a negative", r.normal(3), b=np.array([-1, -1, 0.1], np.float32))
    r.case(fn, "sign returned", r.normal(3), b=np.array([-1, -1, 0.1], np.float32), return_sign=True)
    r.case(fn, "broadcast weights", r.normal(2, 3), axis=-1, b=r.positive(3))
    r.case(fn, "where", r.normal(2, 3), axis=1, where=np.array([[True, False, True], [True, True, True]]))
    r.case(fn, "where, nothing", r.normal(3), where=np.array([False, False, False]))
    r.case(fn, "large", np.array([1000, 1000.5, 999], np.float32))
    r.case(fn, "very negative", np.array([-1000, -1000.5], np.float32))
    r.case(fn, "minus infinities", np.array([[-INF, -INF], [-INF, 1]], np.float32), axis=1)
    r.case(fn, "infinity", np.array([[INF, 1], [INF, -INF], [INF, INF]], np.float32), axis=1)
    r.case(fn, "NaN", np.array([NAN, 1], np.float32))
    r.case(fn, "one value", np.float32(2.5))
    r.case(fn, "float64", r.normal(4, dtype=np.float64), x64=True)


def rest(r):
    index = np.array([0, 2, 1], np.int32)
    r.case("nn.oneHot", "three classes", index, 3, tol=0)
    r.case("nn.oneHot", "out of range rows are zero", np.array([-1, 3, 0], np.int32), 3, tol=0)
    r.case("nn.oneHot", "axis 0", index, 4, axis=0, tol=0)
    r.case("nn.oneHot", "int32", index, 3, dtype="int32", tol=0)
    r.case("nn.oneHot", "a matrix", np.array([[0, 1], [1, 1]], np.int32), 2, tol=0)
    r.case("nn.oneHot", "a number", np.int32(1), 3, tol=0)
    r.case("nn.oneHot", "no classes", index, 0, tol=0)
    x = r.normal(3, 4)
    r.case("nn.standardize", "last axis", x)
    r.case("nn.standardize", "axis 0", x, axis=0)
    r.case("nn.standardize", "both axes", x, axis=[0, 1])
    r.case("nn.standardize", "epsilon 0.1", x, epsilon=0.1)
    r.case("nn.standardize", "given mean and variance", x, mean=np.float32(0.5), variance=np.float32(2))
    r.case("nn.standardize", "a constant row", np.full((1, 3), 2.5, np.float32))
    where = np.array([[True, True, False, True]] * 3)
    r.case("nn.standardize", "where", x, where=where)


def integers(r):
    """The activations that JAX has of integers and bools."""
    names = [
        "relu", "relu6", "hardTanh", "hardSigmoid", "hardSilu", "leakyRelu", "elu", "celu", "selu", "gelu", "softplus",
        "softSign", "squareplus", "mish", "sparsePlus", "sparseSigmoid", "tanh", "identity",
    ]  # fmt: skip
    for name in names:
        r.case(f"nn.{name}", "integers", np.array([-3, 0, 1, 7], np.int32), tol={"rtol": 3e-6, "atol": 1e-6})
        r.case(f"nn.{name}", "unsigned integers", np.array([0, 1, 7], np.uint32), tol={"rtol": 3e-6, "atol": 1e-6})
        r.case(f"nn.{name}", "bools", np.array([True, False]), tol={"rtol": 3e-6, "atol": 1e-6})


def initializers(r):
    close = {"rtol": 3e-6, "atol": 1e-6}
    for name in ["zeros", "ones"]:
        r.case(f"nn.initializers.{name}", "2 by 3", Key(0), [2, 3], tol=0)
    for family in ["glorot", "he", "lecun"]:
        for kind in ["uniform", "normal"]:
            fn = f"nn.initializers.{family}{kind.capitalize()}"
            r.case("initialize", fn, fn, {}, Key(1), [3, 4], tol=close)
            r.case("initialize", f"{fn}, a batch of kernels", fn, {}, Key(2), [2, 2, 3], tol=close)
    for scale, mode, distribution in [
        (1.0, "fan_in", "truncated_normal"), (2.0, "fan_out", "normal"), (0.5, "fan_avg", "uniform"),
    ]:  # fmt: skip
        options = {"scale": scale, "mode": mode, "distribution": distribution}
        fn = "nn.initializers.varianceScaling"
        r.case("initialize", f"{fn}, {mode}, {distribution}", fn, options, Key(3), [4, 2], tol=close)
    r.case("initialize", "nn.initializers.normal", "nn.initializers.normal", {"stddev": 0.5}, Key(4), [5], tol=close)
    r.case("initialize", "nn.initializers.uniform", "nn.initializers.uniform", {"scale": 0.5}, Key(4), [5], tol=close)
    fn = "nn.initializers.truncatedNormal"
    r.case("initialize", fn, fn, {"stddev": 0.5}, Key(5), [6], tol=close)
    r.case("initialize", "nn.initializers.constant", "nn.initializers.constant", {"value": 0.25}, Key(0), [2], tol=0)
    orthogonal = "nn.initializers.orthogonal"
    matrix = {"rtol": 1e-4, "atol": 2e-6}
    for shape in [[3, 3], [4, 2], [2, 4], [2, 2, 3]]:
        r.case("initialize", f"{orthogonal} {shape}", orthogonal, {}, Key(6), shape, tol=matrix)
    r.case("initialize", f"{orthogonal}, scaled", orthogonal, {"scale": 2.0}, Key(7), [3, 2], tol=matrix)
