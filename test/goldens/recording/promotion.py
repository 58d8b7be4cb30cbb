"""Two operands of each pair of dtypes, and of a dtype and a JS number: the type that they meet in, and what comes out."""

import jax
import jax.numpy as jnp
import numpy as np

from .recorder import precision

DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "float32"]
# These exist in JAX with jax_enable_x64 only.
LONG = ["int64", "uint64", "float64"]
# A number of each weak kind; the fraction is one that no integer type holds.
WEAK = {"weak int": 2, "weak float": 0.5}

FUNCTIONS = [
    "np.add",
    "np.subtract",
    "np.multiply",
    "np.divide",
    "np.floorDivide",
    "np.remainder",
    "np.power",
    "np.maximum",
    "np.less",
    "np.equal",
    "np.where",
    "np.concatenate",
    "np.arctan2",
    "np.hypot",
]
# 16-bit floats may be rounded once more, or once less, by XLA.
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


def value(name):
    return WEAK[name] if name in WEAK else jnp.ones((), name)


def tolerance(out):
    epsilon = EPSILON.get(jnp.result_type(out).name)
    return None if epsilon is None else {"rtol": 2 * epsilon, "atol": epsilon}


def types(r, x64, lefts, rights):
    with precision(x64):
        for left in lefts:
            for right in rights:
                name = f"{left} with {right}"
                if name in r.names:
                    continue
                out = jnp.multiply(value(left), value(right))
                # The width of a result of two weak types is a matter of jax_enable_x64, not of the lattice.
                kind = "float" if jnp.issubdtype(out.dtype, jnp.floating) else "int"
                r.add(name, "promote", [left, right], {}, f"weak {kind}" if out.weak_type else out.dtype.name)


def values(r):
    def operand(name, numbers):
        return WEAK[name] if name in WEAK else np.array(numbers).astype(jnp.dtype(name))

    for fn in FUNCTIONS:
        for left in [*DTYPES, *WEAK]:
            for right in [*DTYPES, *WEAK]:
                a, b = operand(left, [5, 2, 0, 3]), operand(right, [2, 3, 4, 0])
                if left in WEAK and right in WEAK or (fn == "np.concatenate" and (left in WEAK or right in WEAK)):
                    continue
                if fn == "np.subtract" and left == right == "bool":
                    continue
                args = [[a, b]] if fn == "np.concatenate" else [a, b]
                if fn == "np.where":
                    args = [np.array([True, False, False, True]), *args]
                out = r.value(fn, *args)
                r.case(fn, f"{left} with {right}", *args, tol=tolerance(out))


def record(r):
    types(r, False, [*DTYPES, *WEAK], [*DTYPES, *WEAK])
    types(r, True, [*DTYPES, *LONG, *WEAK], LONG)
    types(r, True, LONG, [*DTYPES, *LONG, *WEAK])
    values(r)
