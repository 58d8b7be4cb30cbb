"""
Control flow, custom rules and checkpoints: functions of two vectors of three numbers, with values, first and second
derivatives, mapped over batches. `control.ts` has the same mathematics.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .composites import composites

ROWS = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-0.75, 1.0, 0.5], [0.1, -0.2, 0.3]])
MATRIX = np.array([[4.0, 1.0, -0.5], [0.5, 3.0, 1.0], [-1.0, 0.25, 5.0]])


def rows(x):
    return jnp.asarray(ROWS, x.dtype)


def matrix(x):
    return jnp.asarray(MATRIX, x.dtype)


def cell(w, c, x):
    return jnp.tanh(w * c + x)


def scanned(x, y, **options):
    def body(c, row):
        new = cell(x, c, row)
        return new, new * c

    return lax.scan(body, y, rows(x), **options)


def lstm_like(x, y):
    def body(carry, row):
        gate = jax.nn.sigmoid(carry["h"] * x + row)
        c = carry["c"] * gate + row * (1 - gate)
        return {"h": jnp.tanh(c), "c": c}, (gate, c.sum())

    carry, (gates, sums) = lax.scan(body, {"h": y, "c": x}, rows(x))
    return carry["h"] + gates.sum(0) * sums[-1]


def bounded(cond, body, init, steps):
    """What a while loop with a bound comes to, as JAX can differentiate it."""

    def step(c, _):
        return lax.cond(cond(c), body, lambda d: d, c), None

    return lax.scan(step, init, None, length=steps)[0]


def nested(x, y):
    def outer(c, row):
        def inner(d, k):
            return lax.cond(d.sum() > 0, lambda e: jnp.sin(e) + k, lambda e: e * row - k, d), d

        c, ds = lax.scan(inner, c, x)
        return c, ds.sum(0)

    c, ys = lax.scan(outer, y, rows(x))
    return c + ys[1]


@jax.custom_jvp
def softplus(x):
    return jnp.log(1 + jnp.exp(x))


@softplus.defjvp
def softplus_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return softplus(x), t * (1 - 1 / (1 + jnp.exp(x)))


@jax.custom_vjp
def clipped(x):
    return jnp.square(x)


clipped.defvjp(lambda x: (jnp.square(x), x), lambda x, ct: (jnp.clip(ct, -0.5, 0.5) * x,))


def square_root(a):
    return lax.custom_root(
        lambda v: v * v - a,
        jnp.ones_like(a),
        lambda f, v: lax.fori_loop(0, 12, lambda _, w: w - f(w) / (2 * w), v),
        lambda g, b: b / g(jnp.ones_like(b)),
    )


def linear_solve(x, y):
    m = matrix(x) + jnp.diag(x * x)
    return lax.custom_linear_solve(
        lambda v: m @ v, y, lambda _, b: jnp.linalg.solve(m, b), lambda _, b: jnp.linalg.solve(m.T, b)
    )


def associative(x, y, **options):
    def combine(a, b):
        return a[0] * b[0], b[0] * a[1] + b[1]

    elements = jnp.concatenate([rows(x), x[None], y[None]])
    return lax.associative_scan(combine, (elements, elements * 0.5), **options)[1]


FUNCTIONS = {
    "cond": lambda x, y: lax.cond(x.sum() > 0, lambda a, b: jnp.sin(a) * b, lambda a, b: a * jnp.exp(b), x, y),
    "condOneSided": lambda x, y: lax.cond(x[0] > y[0], lambda a, b: a * a, lambda a, b: jnp.zeros_like(b), x, y),
    "condClosure": lambda x, y: lax.cond(y[1] > 0, lambda: x * y, lambda: jnp.cos(x)) + x,
    "switch": lambda x, y: lax.switch(
        jnp.argmax(x).astype(jnp.int32),
        [lambda a, b: jnp.sin(a) * b, lambda a, b: jnp.cos(b) + a, lambda a, b: a * a * b],
        x,
        y,
    ),
    "scanCarry": lambda x, y: scanned(x, y)[0],
    "scanOutputs": lambda x, y: scanned(x, y)[1],
    "scanReverse": lambda x, y: scanned(x, y, reverse=True)[0] + scanned(x, y, reverse=True)[1].sum(0),
    "scanUnrolled": lambda x, y: scanned(x, y, unroll=2)[0],
    "scanSqrt": lambda x, y: scanned(x, y)[0],
    "scanTree": lstm_like,
    "scanElements": lambda x, y: lax.scan(lambda c, e: (c * e[0] + jnp.sin(e[1]), c * e[1]), x[0], (x, y))[1],
    "scanEmpty": lambda x, y: lax.scan(lambda c, e: (c * e, c), x * y, jnp.zeros((0, 3), x.dtype))[0],
    "scanWeak": lambda x, y: lax.scan(lambda c, e: (c + e.sum() * x, None), x * 0, rows(x))[0] * y,
    "fori": lambda x, y: lax.fori_loop(0, 4, lambda i, c: jnp.sin(c * x) + y / (i + 1), x),
    "foriNested": lambda x, y: lax.fori_loop(
        1, 3, lambda i, c: lax.fori_loop(0, 2, lambda j, d: d * x + y * (i + j), c), y
    ),
    "while": lambda x, y: bounded(lambda c: jnp.sum(c * c) < 50, lambda c: c * 1.5 + x * x + 0.5, y, 12),
    "whilePair": lambda x, y: bounded(
        lambda c: c[0] < 3 + jnp.abs(x[0]), lambda c: (c[0] + 0.75, jnp.sin(c[1]) * x + c[0]), (y[0], y), 10
    )[1],
    "map": lambda x, y: lax.map(lambda r: jnp.sin(r * x) @ y, rows(x)),
    "mapBatched": lambda x, y: lax.map(lambda r: jnp.sin(r * x) * y, rows(x), batch_size=3),
    "associativeScan": associative,
    "associativeScanReverse": functools.partial(associative, reverse=True),
    "nested": nested,
    "condOfScan": lambda x, y: lax.cond(x[1] > 0, lambda: scanned(x, y)[0], lambda: scanned(y, x, reverse=True)[0]),
    "gradInScan": lambda x, y: lax.scan(
        lambda c, r: (jax.grad(lambda d: jnp.sum(jnp.sin(d * x) * r))(c) + y, None), y, rows(x)
    )[0],
    "checkpoint": lambda x, y: jax.checkpoint(lambda a, b: jnp.sin(jnp.sin(a) * b) * a)(x, y),
    "checkpointDots": lambda x, y: jax.checkpoint(
        lambda a, b: jnp.tanh(matrix(a) @ jnp.tanh(matrix(a) @ a) * 0.1) * b,
        policy=jax.checkpoint_policies.dots_saveable,
    )(x, y),
    "checkpointInScan": lambda x, y: lax.scan(jax.checkpoint(lambda c, r: (cell(x, c, r), None)), y, rows(x))[0],
    "customJvp": lambda x, y: softplus(x) * y,
    "customJvpInScan": lambda x, y: lax.scan(lambda c, r: (softplus(c * x) + r, None), y, rows(x))[0],
    "customRoot": lambda x, y: square_root(x * x + 1) * y,
    "customLinearSolve": linear_solve,
    "fixedPoint": lambda x, y: square_root(x * x + y * y + 1),
}
REVERSE_ONLY = {"customVjp": lambda x, y: clipped(x) * y}
FORWARD_ONLY = {
    "whileForward": lambda x, y: lax.while_loop(
        lambda c: jnp.sum(c * c) < 50, lambda c: c * 1.5 + x * x + 0.5, y
    ),
    "foriForward": lambda x, y: lax.fori_loop(
        0, 2 + jnp.argmax(x), lambda i, c: jnp.sin(c * x) + y / (i + 1), x
    ),
}


def scalar(f):
    return lambda x, y: jnp.sum(jnp.sin(f(x, y)))


def register(name, f):
    composites[f"control.{name}"] = f
    composites[f"control.{name}.scalar"] = scalar(f)
    composites[f"control.{name}.mapped"] = jax.vmap(f)
    composites[f"control.{name}.mappedFirst"] = jax.vmap(f, in_axes=(0, None))
    composites[f"control.{name}.mappedGrad"] = jax.vmap(jax.grad(scalar(f), argnums=(0, 1)))
    composites[f"control.{name}.mappedHessian"] = jax.vmap(jax.hessian(scalar(f)))


def record(r):
    for name, f in {**FUNCTIONS, **REVERSE_ONLY, **FORWARD_ONLY}.items():
        register(name, f)
        forward, reverse = name not in REVERSE_ONLY, name not in FORWARD_ONLY
        key = f"control.{name}"
        for i, x64 in enumerate([True, False, True]):
            dtype = np.float64 if x64 else np.float32
            tol = None if x64 else 2e-4
            x, y = r.normal(3, dtype=dtype), r.normal(3, dtype=dtype)
            what = f"{i}, {np.dtype(dtype).name}"
            r.case(key, what, x, y, x64=x64, tol=tol)
            modes = (["vjp"] if reverse else []) + (["jvp"] if forward else [])
            r.derivatives(key, what, x, y, wrt=(0, 1), modes=modes, x64=x64, tol=tol)
            if forward and reverse:
                r.hessian(f"{key}.scalar", what, x, y, x64=x64, tol=tol or 1e-8)
        xs, ys = r.normal(4, 3, dtype=np.float64), r.normal(4, 3, dtype=np.float64)
        r.case(f"{key}.mapped", "a batch", xs, ys, x64=True)
        r.case(f"{key}.mappedFirst", "a batch", xs, ys[0], x64=True)
        if reverse:
            r.case(f"{key}.mappedGrad", "a batch", xs, ys, x64=True)
        if forward and reverse:
            r.case(f"{key}.mappedHessian", "a batch", xs, ys, x64=True, tol=1e-8)
