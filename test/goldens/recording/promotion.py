"""The type of a binary operation on two dtypes, and on a dtype and a JS number."""

import jax
import jax.numpy as jnp

from .recorder import precision

DTYPES = ["bool", "int8", "uint8", "int32", "uint32", "int64", "float16", "bfloat16", "float32", "float64"]
# A number of each weak kind; the fraction is one that no integer type holds.
WEAK = {"weak int": 2, "weak float": 0.5}


def value(name):
    return WEAK[name] if name in WEAK else jnp.ones((), name)


def record(r):
    with precision(True):
        for left in [*DTYPES, *WEAK]:
            for right in [*DTYPES, *WEAK]:
                out = jnp.multiply(value(left), value(right))
                # The width of a result of two weak types is a matter of jax_enable_x64, not of the lattice.
                dtype = None if out.weak_type else out.dtype.name
                kind = "float" if jnp.issubdtype(out.dtype, jnp.floating) else "int"
                out = f"weak {kind}" if dtype is None else dtype
                r.add(f"{left} with {right}", "promote", [left, right], {}, out)
