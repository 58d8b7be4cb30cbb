"""
Functions made of several operations, by the keys under which `composites.ts` has the same mathematics.
"""

import jax
import jax.numpy as jnp
import optax
from jax import random
from jax.nn import initializers

from .encode import snake


def at(method):
    def apply(x, index, *values, mode=None, **options):
        return getattr(x.at[tuple(index)], method)(*values, mode=mode and snake(mode), **options)

    return apply


def initialize(name, options, key, shape):
    make = getattr(initializers, snake(name.removeprefix("nn.initializers.")))
    if "scale" in options and name.endswith("varianceScaling"):
        return make(options["scale"], options["mode"], options["distribution"])(key, tuple(shape))
    return make(**options)(key, tuple(shape))


composites = {f"at.{name}": at(name) for name in ["get", "set", "add", "multiply", "mul", "min", "max"]}
composites |= {
    # Keys come out as their data.
    "random.key": lambda seed: random.key_data(random.key(seed)),
    "random.split": lambda key, *n: random.key_data(random.split(key, *map(shape_or_number, n))),
    "random.foldIn": lambda key, data: random.key_data(random.fold_in(key, data)),
    "splitTwice": lambda key: random.key_data(random.split(random.split(key)[0])[1]),
    "initialize": initialize,
}


def shape_or_number(n):
    return tuple(n) if isinstance(n, list) else n


# Scalar and small functions of several operations, for derivatives at awkward points and for second ones.

def norm(x):
    return jnp.sqrt(jnp.sum(jnp.square(x)))


def where_nan(x):
    """The dead branch is NaN below 0."""
    return jnp.where(x > 0, jnp.sqrt(x), 0.0)


def where_guarded(x):
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)


def activated(name):
    def mlp(w1, w2, x):
        return jnp.sum(jnp.square(jnp.matmul(getattr(jax.nn, snake(name))(jnp.matmul(x, w1)), w2)))

    return mlp


composites |= {
    "optim.multiSteps": lambda inner, k: optax.MultiSteps(inner, k).gradient_transformation(),
    "norm": norm,
    "whereNan": where_nan,
    "whereGuarded": where_guarded,
    "cube": lambda x: jnp.sum(x**3),
    "quartic": lambda x: jnp.sum(jnp.power(x, 4.0)),
    "product": lambda x: jnp.prod(x),
    "productOfPairs": lambda x: jnp.sum(jnp.prod(x, axis=-1)),
    "quotient": lambda x: jnp.sum(x[0] / x[1]),
    "bilinear": lambda x, a: jnp.dot(x, jnp.matmul(a, x)),
    "rosenbrock": lambda x: jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
    "sumOfExp": lambda x: jnp.sum(jnp.exp(jnp.sin(x)) * x),
    "sumOfTanh": lambda x: jnp.sum(jnp.tanh(x) ** 2),
    "sumOfLog": lambda x: jnp.sum(jnp.log(1 + x**2)),
    "sumOfSoftplus": lambda x: jnp.sum(jax.nn.softplus(x) * x),
    "logsumexp": lambda x: jax.nn.logsumexp(x),
    "crossEntropy": lambda x, labels: -jnp.sum(jax.nn.log_softmax(x) * labels),
    "softmaxDot": lambda x, v: jnp.dot(jax.nn.softmax(x), v),
    "variance": lambda x: jnp.var(x),
    "cumulative": lambda x: jnp.sum(jnp.cumsum(x) ** 2),
    "cumulativeProduct": lambda x: jnp.sum(jnp.cumprod(x)),
    "largest": lambda x: jnp.max(x) ** 2,
    "sorted": lambda x: jnp.dot(jnp.sort(x), jnp.arange(1.0, x.size + 1)) ** 2,
    "gathered": lambda x: jnp.sum(x[jnp.array([0, 2, 0])] ** 3),
    "scattered": lambda x: jnp.sum(jnp.zeros(4).at[jnp.array([1, 3, 1])].add(x) ** 3),
    "power": lambda x, y: jnp.sum(jnp.power(x, y)),
} | {f"mlp.{name}": activated(name) for name in ["relu", "tanh", "sigmoid", "gelu", "softplus", "silu", "elu", "selu"]}
