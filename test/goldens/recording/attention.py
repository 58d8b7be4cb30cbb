"""Attention and recurrent cells. The cells are written out: flax is not needed to record."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .composites import composites


def simple_cell(w, u, b, h, x):
    h = jnp.tanh(x @ w + b + h @ u)
    return h, h


def lstm_cell(w, u, b, carry, x):
    c, h = carry
    i, f, g, o = jnp.split(x @ w + b + h @ u, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (c, h), h


def gru_cell(w, u, b, h, x):
    rx, zx, nx = jnp.split(x @ w + b, 3, axis=-1)
    rh, zh, nh = jnp.split(h @ u, 3, axis=-1)
    z = jax.nn.sigmoid(zx + zh)
    n = jnp.tanh(nx + jax.nn.sigmoid(rx + rh) * nh)
    h = (1 - z) * n + z * h
    return h, h


CELLS = {"simpleCell": (simple_cell, 1), "lstmCell": (lstm_cell, 4), "gruCell": (gru_cell, 3)}


def run(cell, reverse):
    def apply(w, u, b, xs):
        zero = jnp.zeros((xs.shape[0], u.shape[0]), xs.dtype)
        carry = (zero, zero) if cell is lstm_cell else zero
        carry, ys = lax.scan(lambda c, x: cell(w, u, b, c, x), carry, jnp.moveaxis(xs, 1, 0), reverse=reverse)
        return jnp.moveaxis(ys, 0, 1)

    return apply


def luong(score):
    def apply(kernel, vector, q, m):
        if score == "dot":
            scores = jnp.einsum("bsm,bm->bs", m, q)
        elif score == "general":
            scores = jnp.einsum("bsm,bm->bs", m, q @ kernel)
        else:
            both = jnp.concatenate([jnp.broadcast_to(q[:, None], m.shape[:2] + q.shape[1:]), m], -1)
            scores = jnp.tanh(both @ kernel) @ vector
        return jnp.einsum("bs,bsm->bm", jax.nn.softmax(scores), m)

    return apply


composites |= {f"rnn.{name}": run(cell, False) for name, (cell, _) in CELLS.items()}
composites |= {f"rnn.{name}.reverse": run(cell, True) for name, (cell, _) in CELLS.items()}
composites |= {f"luong.{score}": luong(score) for score in ["dot", "general", "concat"]}


def record(r):
    f64 = {"x64": True}
    for name, (_, gates) in CELLS.items():
        w = r.normal(3, 4 * gates, dtype=np.float64)
        u = r.normal(4, 4 * gates, dtype=np.float64, scale=0.5)
        b, xs = r.normal(4 * gates, dtype=np.float64), r.normal(2, 5, 3, dtype=np.float64)
        for key in [f"rnn.{name}", f"rnn.{name}.reverse"]:
            r.case(key, "batch of 2, 5 steps", w, u, b, xs, **f64)
            r.derivatives(key, "batch of 2, 5 steps", w, u, b, xs, wrt=(0, 1, 2, 3), **f64)
    for score, shapes in {"dot": [(1,), (1,)], "general": [(3, 3), (1,)], "concat": [(6, 4), (4,)]}.items():
        args = [r.normal(*s, dtype=np.float64) for s in [*shapes, (2, 3), (2, 4, 3)]]
        wrt = {"dot": (2, 3), "general": (0, 2, 3), "concat": (0, 1, 2, 3)}[score]
        r.case(f"luong.{score}", "batch of 2", *args, **f64)
        r.derivatives(f"luong.{score}", "batch of 2", *args, wrt=wrt, **f64)

    attention = "nn.dotProductAttention"
    # JAX takes the softmax of attention in float32, whatever the dtype.
    f64 = {"x64": True, "tol": 5e-6}
    q, k, v = (r.normal(2, 5, 4, 3, dtype=np.float64) for _ in range(3))
    k2, v2 = (r.normal(2, 7, 2, 3, dtype=np.float64) for _ in range(2))
    mask = r.rng.uniform(size=(2, 1, 5, 5)) < 0.6
    mask[..., 0] = True
    for what, options in {
        "plain": {},
        "causal": {"is_causal": True},
        "scale": {"scale": 0.3},
        "bias": {"bias": r.normal(2, 4, 5, 5, dtype=np.float64)},
        "bias of one head": {"bias": r.normal(1, 1, 5, 5, dtype=np.float64)},
        "mask": {"mask": mask},
        "causal mask": {"mask": mask, "is_causal": True},
        "window": {"local_window_size": 1},
        "window of two sides": {"local_window_size": (2, 0)},
        "key lengths": {"key_value_seq_lengths": np.array([3, 5], np.int32)},
    }.items():
        r.case(attention, what, q, k, v, **f64, **options)
        r.derivatives(attention, what, q, k, v, wrt=(0, 1, 2), **f64, **options)
    r.case(attention, "grouped queries", q, k2, v2, **f64)
    r.derivatives(attention, "grouped queries", q, k2, v2, wrt=(0, 1, 2), **f64)
    r.case(attention, "grouped queries, causal, of other length", q, k2, v2, is_causal=True, **f64)
    r.case(attention, "without batch", q[0], k[0], v[0], **f64)
    r.case(attention, "float32", q.astype(np.float32), k.astype(np.float32), v.astype(np.float32), tol=1e-5)
