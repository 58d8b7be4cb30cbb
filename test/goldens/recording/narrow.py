"""Functions of one array of each dtype: the type of what comes out, and its value."""

import jax
import jax.numpy as jnp
import numpy as np

from .promotion import DTYPES, tolerance

ELEMENTWISE = [
    *(f"np.{name}" for name in (
        "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh exp exp2 expm1 log log1p log2 log10 sqrt cbrt "
        "reciprocal square abs sign floor ceil round trunc isnan isfinite isinf signbit sinc deg2rad nanToNum logicalNot"
    ).split()),
    *(f"nn.{name}" for name in (
        "relu relu6 gelu silu softplus sigmoid logSigmoid elu selu celu mish softSign hardTanh hardSigmoid hardSilu leakyRelu"
    ).split()),
]
NEGATIVE = ["np.negative"]
BITS = ["np.invert", "np.bitwiseCount"]
LINES = [f"np.{name}" for name in (
    "sum prod mean var std max min ptp argmax argmin cumsum cumprod sort argsort any all median diff countNonzero "
    "nansum nanmean unique"
).split()] + ["nn.softmax", "nn.logSoftmax", "nn.logsumexp", "np.linalg.norm"]
LAX = ["lax.erf", "lax.erfc", "lax.erfInv", "lax.rsqrt", "lax.logistic"]


def numbers(dtype):
    if dtype == "bool":
        return np.array([True, False, True, True, False])
    if dtype.startswith("u"):
        return np.array([3, 0, 200, 7, 1]).astype(dtype)
    if dtype.startswith("int"):
        return np.array([3, -2, 100, 0, -7]).astype(dtype)
    return np.array([0.5, -0.75, 1.25, 0.0, 0.15625]).astype(jnp.dtype(dtype))


SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 127.0, 128.0, 255.5, 300.0, -129.0, 40000.0, 70000.0, -70000.0, 3e9, -3e9, 1e-7,
           np.inf, -np.inf, np.nan]  # fmt: skip


def casts(r):
    for source in DTYPES:
        kind = "float" in source
        data = np.array(SPECIAL if kind else [0, 1, 2, 127, 128, 255, 256, 40000, -1, -200]).astype(
            jnp.dtype("float32" if kind else "int64")
        )
        x = data.astype(jnp.dtype(source))
        for target in DTYPES:
            if target != source:
                r.case("np.astype", f"{source} to {target}", x, target, tol=0)


def products(r):
    for dtype in DTYPES:
        small = r.integers(2, 3, low=0 if dtype[0] in "ub" else -9).astype(jnp.dtype(dtype))
        other = r.integers(3, 4, low=0 if dtype[0] in "ub" else -9).astype(jnp.dtype(dtype))
        r.case("np.matmul", dtype, small, other, tol=tolerance(r.value("np.matmul", small, other)))
        # Sums that 16 bits cannot count to, and that 8 bits wrap around.
        many = np.ones((1, 600), jnp.dtype(dtype))
        r.case("np.matmul", f"600 ones, {dtype}", many, many.T, tol=0)
        r.case("np.sum", f"600 ones, {dtype}", many, tol=0)
        r.case("np.cumsum", f"300 ones, {dtype}", many[0, :300], tol=tolerance(r.value("np.sum", many)))


def gradients(r):
    for dtype in ["float16", "bfloat16"]:
        x = r.normal(2, 3).astype(jnp.dtype(dtype))
        y = r.normal(3, 2).astype(jnp.dtype(dtype))
        tol = {"rtol": 4 * tolerance(x)["rtol"], "atol": 4 * tolerance(x)["atol"]}
        for fn in ["np.tanh", "np.exp", "nn.softmax", "nn.gelu", "np.square", "np.cumsum", "np.sort", "np.mean", "np.max"]:
            r.derivatives(fn, f"{dtype}, {fn}", x, tol=tol)
        r.derivatives("np.matmul", dtype, x, y, wrt=(0, 1), tol=tol)


def record(r):
    for dtype in DTYPES:
        x = numbers(dtype)
        fns = [*ELEMENTWISE, *LINES]
        if dtype != "bool":
            fns += NEGATIVE
        if "float" in dtype:
            fns += LAX
        elif dtype != "bool":
            fns += BITS
        for fn in fns:
            # JAX takes floats only.
            if fn in ("nn.gelu", "nn.mish", "nn.softplus", "nn.logSigmoid") and dtype == "bool":
                continue
            try:
                out = r.value(fn, x)
            except (TypeError, ValueError, NotImplementedError):
                continue
            r.case(fn, dtype, x, tol=tolerance(jax.tree.leaves(out)[0]))
    casts(r)
    products(r)
    gradients(r)
