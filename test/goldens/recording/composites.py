"""
Functions made of several operations, by the keys under which `composites.ts` has the same mathematics.
"""

import jax
import jax.numpy as jnp
from jax import random
from jax.nn import initializers

from .encode import snake


def at(method):
    def apply(x, index, *values, **options):
        return getattr(x.at[tuple(index)], method)(*values, **options)

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
