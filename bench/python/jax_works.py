"""JAX's side of the tasks. A work is (run, values): values is None where run gives losses."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np

import data


def _arrays(f, *operands):
    """Of a compiled function of arrays that gives one."""
    compiled, placed = jax.jit(f), [jnp.asarray(x) for x in operands]
    return lambda: compiled(*placed).block_until_ready(), lambda: [np.asarray(compiled(*placed))]


def _product(row):
    return _arrays(jnp.matmul, *data.operands(row))


def _standardize(x):
    return jax.nn.standardize(x, epsilon=1e-5)


def _outputs(params, x):
    for i, (kernel, bias) in enumerate(params):
        x = (x if i == 0 else jax.nn.relu(x)) @ kernel + bias
    return x


def _cross_entropy(out, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(out), labels[:, None], axis=1).mean()


def _adam(params, first, second, gradients, t):
    average = lambda old, new, decay: jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, old, new)
    first = average(first, gradients, 0.9)
    second = average(second, jax.tree.map(jnp.square, gradients), 0.999)
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    move = lambda p, m, v: p - 1e-3 * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)
    return jax.tree.map(move, params, first, second), first, second


def _steps(step, state, *batch):
    """Runs a step that gives the next state and the loss."""

    def run():
        nonlocal state
        state, loss = step(state, *batch)
        return float(loss)

    return run, None


def _network(row):
    layers, x, wanted, is_classes = data.network(row)

    def loss(params, x, wanted):
        out = _outputs(params, x)
        return _cross_entropy(out, wanted) if is_classes else jnp.square(out - wanted).mean()

    def step(state, x, wanted):
        params, first, second, t = state
        value, gradients = jax.value_and_grad(loss)(params, x, wanted)
        return (*_adam(params, first, second, gradients, t + 1), t + 1), value

    params = jax.tree.map(jnp.asarray, layers)
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros(), zeros(), jnp.float32(0))
    return _steps(jax.jit(step, donate_argnums=0), state, jnp.asarray(x), jnp.asarray(wanted))


def _convolution():
    kernels, images, labels = data.convolution()

    def stage(x, kernel):
        dimensions = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=dimensions)
        return jax.lax.reduce_window(jax.nn.relu(y), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(kernels, x, labels):
        first, second, dense = kernels
        h = stage(stage(x, first), second)
        return _cross_entropy(h.reshape(h.shape[0], -1) @ dense, labels)

    def step(kernels, x, labels):
        value, gradients = jax.value_and_grad(loss)(kernels, x, labels)
        return jax.tree.map(lambda p, g: p - 0.05 * g, kernels, gradients), value

    state = jax.tree.map(jnp.asarray, kernels)
    return _steps(jax.jit(step, donate_argnums=0), state, jnp.asarray(images), jnp.asarray(labels))


def _transformer():
    params, x = data.transformer()

    def attention(p, x):
        heads = lambda y: y.reshape(8, 128, 4, 64)
        q, k, v = heads(x @ p["query"] + p["query_bias"]), heads(x @ p["key"]), heads(x @ p["value"] + p["value_bias"])
        return jax.nn.dot_product_attention(q, k, v).reshape(x.shape) @ p["out"] + p["out_bias"]

    def block(p, x):
        norm = lambda y, which: _standardize(y) * p[f"norm{which}_scale"] + p[f"norm{which}_offset"]
        h = x + attention(p, norm(x, 1))
        up = jax.nn.gelu(norm(h, 2) @ p["up"] + p["up_bias"])
        return h + up @ p["down"] + p["down_bias"]

    f = jax.jit(jax.value_and_grad(lambda p, x: jnp.square(block(p, x)).sum()))
    placed, inputs = jax.tree.map(jnp.asarray, params), jnp.asarray(x)

    def values():
        value, gradient = f(placed, inputs)
        return [np.asarray(value), *(np.asarray(gradient[name]) for name in data.PARAMETERS)]

    return lambda: jax.block_until_ready(f(placed, inputs)), values


def _call(f, x):
    placed = jnp.asarray(x)
    return lambda: np.asarray(f(placed)), lambda: [np.asarray(f(placed))]


_times_two_plus_one = lambda x: x * 2 + 1

WORKS = {
    **{row: lambda row=row: _product(row) for row in data.PRODUCTS},
    "W2.chain": lambda: _arrays(lambda x: jnp.tanh(jnp.sin(x) * jnp.exp(x) + 1), data.chain_operand()),
    "W2.gelu": lambda: _arrays(jax.nn.gelu, data.chain_operand()),
    "W3.sum": lambda: _arrays(jnp.sum, data.terms()),
    "W3.softmax": lambda: _arrays(jax.nn.softmax, data.table()),
    "W3.layerNorm": lambda: _arrays(_standardize, data.table()),
    **{row: lambda row=row: _network(row) for row in data.NETWORKS},
    "W6": _convolution,
    "W7": _transformer,
    "W8.jit": lambda: _call(jax.jit(_times_two_plus_one), data.EIGHT),
    "W8.eager": lambda: _call(_times_two_plus_one, data.EIGHT),
    "W8.grad": lambda: _call(jax.grad(lambda x: jnp.sin(x * x)), data.AT),
}
