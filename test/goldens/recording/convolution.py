"""Convolutions and pooling; cases of a jvp hold values too. Pooling is written out as in flax, which is not needed to record."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .composites import composites

conv = lax.conv_general_dilated


def sum_of_sines(lhs, rhs, options):
    return jnp.sum(jnp.sin(conv(lhs, rhs, **options)))


def mapped(lhs_axis, rhs_axis):
    def apply(lhs, rhs, **options):
        return jax.vmap(lambda x, w: conv(x, w, **options), (lhs_axis, rhs_axis))(lhs, rhs)

    return apply


KINDS = {"sum": (0, lax.add), "max": (-jnp.inf, lax.max), "min": (jnp.inf, lax.min)}


def reduce_window(x, *, kind, window_dimensions, padding="VALID", **options):
    initial, function = KINDS[kind]
    options.setdefault("window_strides", (1,) * x.ndim)
    return lax.reduce_window(x, jnp.asarray(initial, x.dtype), function, window_dimensions, padding=padding, **options)


def pool(kind):
    def apply(x, window_shape, strides=None, padding="VALID"):
        batch = x.ndim - len(window_shape) - 1
        around = lambda middle, edge: (edge,) * batch + tuple(middle) + (edge,)
        return reduce_window(
            x,
            kind=kind,
            window_dimensions=around(window_shape, 1),
            window_strides=around(strides or (1,) * len(window_shape), 1),
            padding=padding if isinstance(padding, str) else around([tuple(p) for p in padding], (0, 0)),
        )

    return apply


def avg_pool(x, window_shape, count_include_pad=True, **options):
    sums = pool("sum")(x, window_shape, **options)
    return sums / (np.prod(window_shape) if count_include_pad else pool("sum")(jnp.ones_like(x), window_shape, **options))


composites |= {
    "conv.gradientOfLhs": lambda x, w, **options: jax.grad(sum_of_sines)(x, w, options),
    "conv.gradientOfRhs": lambda x, w, **options: jax.grad(sum_of_sines, 1)(x, w, options),
    "conv.mapLhs": mapped(0, None),
    "conv.mapRhs": mapped(None, 1),
    "conv.mapBoth": mapped(1, 0),
    "lax.conv": conv,
    "lax.reduceWindow": reduce_window,
    "pool.secondOfSum": lambda x, **options: jax.grad(lambda y: jnp.sum(jnp.sin(reduce_window(y, **options))))(x),
    "pool.map": lambda x, **options: jax.vmap(lambda y: reduce_window(y, **options), 1)(x),
    "nn.maxPool": pool("max"),
    "nn.minPool": pool("min"),
    "nn.avgPool": avg_pool,
}

LAST = ("NHWC", "HWIO", "NHWC")

# Name, shapes of images and kernels, options.
CONVOLUTIONS = [
    ("plain", (2, 3, 5, 4), (4, 3, 3, 2), {}),
    ("same", (2, 2, 5, 4), (3, 2, 3, 2), {"padding": "SAME"}),
    ("same lower, strides", (1, 2, 5, 6), (2, 2, 2, 3), {"padding": "SAME_LOWER", "window_strides": (2, 3)}),
    ("strides", (2, 2, 6, 5), (2, 2, 3, 2), {"window_strides": (2, 1)}),
    ("strides that leave a rest", (1, 1, 6, 7), (2, 1, 3, 2), {"window_strides": (2, 3)}),
    ("padding", (1, 2, 3, 4), (2, 2, 3, 3), {"padding": [(1, 2), (0, 3)]}),
    ("cropping", (1, 1, 6, 5), (2, 1, 2, 2), {"padding": [(-1, 1), (2, -2)]}),
    ("kernels dilated", (1, 2, 7, 6), (2, 2, 3, 2), {"rhs_dilation": (2, 3), "padding": "SAME"}),
    ("images dilated", (1, 2, 3, 4), (2, 2, 3, 2), {"lhs_dilation": (2, 3), "padding": [(1, 0), (2, 1)]}),
    (
        "everything",
        (2, 4, 4, 3),
        (4, 2, 2, 3),
        {
            "window_strides": (2, 1),
            "padding": [(2, -1), (1, 3)],
            "lhs_dilation": (1, 2),
            "rhs_dilation": (3, 1),
            "feature_group_count": 2,
        },
    ),
    ("feature groups", (2, 6, 4, 3), (4, 3, 2, 2), {"feature_group_count": 2}),
    ("depthwise", (1, 3, 4, 4), (6, 1, 3, 3), {"feature_group_count": 3, "padding": "SAME"}),
    ("batch groups", (4, 3, 4, 3), (6, 3, 2, 2), {"batch_group_count": 2}),
    ("batch groups, strides", (6, 2, 5, 3), (3, 2, 2, 2), {"batch_group_count": 3, "window_strides": (2, 1)}),
    ("features last", (2, 5, 4, 3), (3, 2, 3, 4), {"dimension_numbers": LAST, "padding": "SAME"}),
    ("axes in odd orders", (4, 2, 3, 5), (2, 3, 3, 2), {"dimension_numbers": ("HNCW", "WIHO", "CWNH")}),
    ("one axis", (2, 3, 6), (4, 3, 3), {"window_strides": (2,), "padding": [(1, 1)]}),
    ("no spatial axis", (3, 4), (2, 4), {}),
    ("three axes", (1, 2, 3, 4, 3), (2, 2, 2, 2, 2), {"window_strides": (1, 2, 1), "padding": "SAME"}),
    ("kernels of one element", (2, 3, 3, 2), (4, 3, 1, 1), {}),
]


def record(r):
    f64 = {"x64": True}

    def options_of(x, options):
        return {"window_strides": (1,) * (len(x) - 2), "padding": "VALID", **options, **f64}

    def array(*shape):
        return r.normal(*shape, dtype=np.float64)

    for what, x, w, options in CONVOLUTIONS:
        lhs, rhs, how = array(*x), array(*w), options_of(x, options)
        r.derivatives("lax.convGeneralDilated", what, lhs, rhs, wrt=(0, 1), **how)
    for what, x, w, options in [CONVOLUTIONS[i] for i in [1, 8, 9, 12, 14]]:
        lhs, rhs, how = array(*x), array(*w), options_of(x, options)
        r.derivatives("conv.gradientOfLhs", what, lhs, rhs, wrt=(0, 1), **how)
        r.derivatives("conv.gradientOfRhs", what, lhs, rhs, wrt=(0, 1), **how)
    for what, x, w, options in [CONVOLUTIONS[i] for i in [3, 9, 10, 12, 15]]:
        how = options_of(x, options)
        r.case("conv.mapLhs", what, array(2, *x), array(*w), **how)
        r.case("conv.mapRhs", what, array(*x), array(w[0], 2, *w[1:]), **how)
        r.case("conv.mapBoth", what, array(x[0], 2, *x[1:]), array(2, *w), **how)
    r.case("lax.conv", "float32", r.normal(2, 3, 5, 4), r.normal(4, 3, 3, 2), window_strides=(1, 1), padding="SAME", tol=2e-6)
    r.case("lax.conv", "int32", r.integers(2, 3, 5), r.integers(4, 3, 2), window_strides=(1,), padding="VALID")
    for what, x, w, options in [
        ("same", (1, 3, 4, 2), (3, 3, 2, 5), {"strides": (2, 2), "padding": "SAME"}),
        ("same, small kernels", (1, 3, 4, 2), (2, 1, 2, 3), {"strides": (3, 2), "padding": "SAME"}),
        ("valid", (1, 3, 4, 2), (3, 2, 2, 3), {"strides": (2, 3), "padding": "VALID"}),
        ("pairs", (1, 3, 4, 2), (3, 2, 2, 3), {"strides": (2, 1), "padding": [(1, 2), (0, 1)]}),
        ("dilated", (1, 4, 2), (3, 2, 3), {"strides": (2,), "padding": "SAME", "rhs_dilation": (2,)}),
        ("transposed kernels", (1, 3, 4, 2), (3, 2, 5, 2), {"strides": (2, 2), "padding": "SAME", "transpose_kernel": True}),
    ]:
        lhs, rhs = array(*x), array(*w)
        r.derivatives("lax.convTranspose", what, lhs, rhs, wrt=(0, 1), **options, **f64)
    record_pooling(r)


def record_pooling(r):
    f64 = {"x64": True}
    window = lambda dimensions, **more: {"window_dimensions": dimensions, **more, **f64}
    ones = {"base_dilation": (1, 1), "window_dilation": (1, 1)}
    # Multiples of a half, so that there are ties.
    x = np.round(r.normal(5, 6, dtype=np.float64) * 2) / 2
    for kind in KINDS:
        for what, options in [
            ("plain", window((2, 3))),
            ("strides", window((2, 2), window_strides=(2, 3))),
            ("same", window((3, 2), window_strides=(2, 1), padding="SAME")),
            ("padding", window((3, 2), padding=[(1, 2), (0, 1)])),
        ]:
            r.derivatives("lax.reduceWindow", f"{kind}, {what}", x, kind=kind, **options)
        r.case("lax.reduceWindow", f"{kind}, dilated", x, kind=kind, **window((2, 3), **ones | {"window_dilation": (2, 1)}))
        r.case("lax.reduceWindow", f"{kind}, holes", x, kind=kind, **window((2, 3), **ones | {"base_dilation": (2, 3)}))
        r.derivatives("pool.map", kind, np.round(r.normal(3, 2, 4, dtype=np.float64)), kind=kind, **window((2, 2)))
        r.derivatives("pool.secondOfSum", kind, x, kind=kind, **window((2, 2), window_strides=(2, 2)))
        for padding in ["SAME", "SAME_LOWER"]:
            for strides in [(1, 1), (2, 3)]:
                holes = {"base_dilation": (2, 3), "window_dilation": (1, 2), "window_strides": strides, "padding": padding}
                what = f"{kind}, holes, {padding}, strides {strides}"
                r.case("lax.reduceWindow", what, x, kind=kind, **window((2, 3), **holes))
        r.case("lax.reduceWindow", f"{kind}, float32", r.normal(4, 4), kind=kind, window_dimensions=(2, 2), tol=2e-6)
    tied = np.zeros((4, 4))
    for kind in ["max", "min"]:
        r.derivatives("lax.reduceWindow", f"{kind}, all tied", tied, kind=kind, **window((3, 2)))
        r.derivatives("lax.reduceWindow", f"{kind}, all tied, padding", tied, kind=kind, **window((3, 3), padding="SAME"))
    images = np.round(r.normal(2, 5, 4, 2, dtype=np.float64), 1)
    for fn in ["nn.maxPool", "nn.minPool", "nn.avgPool"]:
        for what, options in [
            ("plain", {}),
            ("strides", {"strides": (2, 2)}),
            ("same", {"strides": (2, 2), "padding": "SAME"}),
            ("pairs", {"padding": [(1, 0), (1, 1)]}),
        ]:
            r.derivatives(fn, what, images, (2, 3), **options, **f64)
    excluded = {"strides": (2, 2), "padding": "SAME", "count_include_pad": False}
    r.derivatives("nn.avgPool", "padding does not count", images, (3, 2), **excluded, **f64)
