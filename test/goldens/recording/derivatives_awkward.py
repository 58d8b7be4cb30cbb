"""Derivatives where functions have kinks, ties, poles and infinities."""

import numpy as np

INF, NAN = np.inf, np.nan


def f32(*values):
    return np.array(values, np.float32)


def record(r):
    kinks(r)
    ties(r)
    poles(r)
    zeros_in_products(r)
    softmaxes(r)
    activations_of_nan(r)


def kinks(r):
    around = f32(-1, -0.0, 0, 1)
    for name in ["abs", "sign", "floor", "ceil", "round", "trunc", "square"]:
        r.derivatives(f"np.{name}", "around 0", around)
    r.derivatives("np.clip", "at its bounds", f32(-2, -1, 0, 1, 2), -1.0, 1.0)
    for name in ["relu", "relu6", "leakyRelu", "elu", "selu", "celu", "hardTanh", "hardSigmoid", "hardSilu"]:
        r.derivatives(f"nn.{name}", "kinks", f32(-3, -1, 0, 1, 3, 6))
    r.derivatives("np.where", "equal branches", np.array([True, False]), f32(1, 1), f32(1, 1), wrt=(1, 2))
    r.derivatives("whereNan", "a NaN in the dead branch", f32(-1, 0, 4))
    r.derivatives("whereGuarded", "a guarded dead branch", f32(-1, 0, 4))
    r.derivatives("np.remainder", "a whole quotient", f32(4, -4, 5), f32(2, 2, 2.5), wrt=(0, 1))


def ties(r):
    for name in ["maximum", "minimum"]:
        r.derivatives(f"np.{name}", "ties", f32(1, 2, 0, -0.0), f32(1, 1, 0, 0), wrt=(0, 1))
        r.derivatives(f"np.{name}", "NaN and infinities", f32(NAN, 1, INF, -INF), f32(1, NAN, INF, 0), wrt=(0, 1))
    for name in ["max", "min"]:
        r.derivatives(f"np.{name}", "ties", f32(3, 1, 3, 1, 2))
        r.derivatives(f"np.{name}", "ties along an axis", np.array([[1, 1, 0], [2, 2, 2]], np.float32), axis=1)
        r.derivatives(f"np.{name}", "all equal", np.ones((2, 2), np.float32))
    r.derivatives("at.max", "ties", f32(1, 2, 3), [np.array([0, 1], np.int32)], f32(1, 5), wrt=(0, 2))
    r.derivatives("at.min", "ties", f32(1, 2, 3), [np.array([0, 2], np.int32)], f32(1, 1), wrt=(0, 2))


def poles(r):
    r.derivatives("np.sqrt", "at 0", f32(0, 4))
    r.derivatives("np.log", "at 0 and below", f32(0, -1, 1))
    r.derivatives("np.log1p", "at -1", f32(-1, 0))
    r.derivatives("np.reciprocal", "at 0", f32(0, -2))
    r.derivatives("np.divide", "by 0", f32(1, 0, -1), f32(0, 0, 2), wrt=(0, 1))
    r.derivatives("np.cbrt", "at 0", f32(0, 8))
    r.derivatives("np.arcsin", "at 1", f32(-1, 1, 0))
    r.derivatives("np.arctan2", "at the origin", f32(0, 1), f32(0, 0), wrt=(0, 1))
    r.derivatives("np.hypot", "at the origin", f32(0, 3), f32(0, 4), wrt=(0, 1))
    r.derivatives("norm", "at 0", f32(0, 0))
    r.derivatives("norm", "away from 0", f32(3, 4))
    r.derivatives("np.power", "zero base", f32(0, 0, 0, 0), f32(0, 1, 2, 3), wrt=(0, 1))
    r.derivatives("np.power", "negative base", f32(-2, -2), f32(2, 3), wrt=(0,))
    r.derivatives("np.power", "constant 2 at 0", f32(0, -1), 2)
    r.derivatives("np.power", "constant 1 at 0", f32(0, -1), 1)
    r.derivatives("np.power", "constant 0 at 0", f32(0, -1), 0)
    r.derivatives("np.power", "constant -1", f32(2, -1), -1)
    r.derivatives("np.power", "constant 0.5 at 0", f32(0, 4), 0.5)
    r.derivatives("np.exp", "extremes", f32(-INF, 100, INF, -200))
    r.derivatives("np.tanh", "extremes", f32(-INF, 50, INF, -50))
    r.derivatives("np.std", "a constant", np.ones((3,), np.float32))


def zeros_in_products(r):
    for what, x in [("no zero", f32(1, 2, 3)), ("one zero", f32(1, 0, 3)), ("two zeros", f32(0, 2, 0))]:
        r.derivatives("np.prod", what, x)
        r.derivatives("np.cumprod", what, x)
    r.derivatives("np.prod", "zeros along an axis", np.array([[1, 0, 2], [0, 0, 3]], np.float32), axis=1)


def softmaxes(r):
    r.derivatives("nn.logsumexp", "an infinity", f32(INF, 1))
    r.derivatives("nn.logsumexp", "a minus infinity", f32(-INF, 1))
    r.derivatives("nn.logsumexp", "minus infinities", f32(-INF, -INF))
    r.derivatives("nn.softmax", "a minus infinity", f32(-INF, 1, 2))
    r.derivatives("nn.logSoftmax", "a minus infinity", f32(-INF, 1, 2))
    r.derivatives("np.logaddexp", "infinities", f32(INF, -INF, -INF, 1), f32(INF, -INF, 1, 1), wrt=(0, 1))
    for name in ["sigmoid", "softplus", "logSigmoid", "silu"]:
        r.derivatives(f"nn.{name}", "infinities", f32(-INF, INF))


def activations_of_nan(r):
    for name in ["relu", "relu6", "hardTanh", "hardSigmoid", "leakyRelu", "elu", "celu", "selu"]:
        r.derivatives(f"nn.{name}", "NaN and infinities", f32(NAN, INF, -INF))
