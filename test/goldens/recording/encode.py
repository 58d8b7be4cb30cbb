"""From Python and JAX values to the JSON that `replay.ts` reads."""

import math
import re

import jax
import numpy as np

SPECIAL = {math.inf: "Infinity", -math.inf: "-Infinity"}


def camel(name):
    """`log_softmax` -> `logSoftmax`; names without underscores stay."""
    return re.sub(r"_([a-z0-9])", lambda m: m.group(1).upper(), name)


def snake(name):
    """`logSoftmax` -> `log_softmax`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m.group(1).lower(), name)


def element(value):
    """One element: integral floats without a point, what JSON cannot say as a string."""
    if math.isnan(value):
        return "NaN"
    if value in SPECIAL:
        return SPECIAL[value]
    if value == 0 and math.copysign(1, value) < 0:
        return "-0"
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def elements(array):
    flat = array.ravel()
    name = array.dtype.name
    if name == "bool":
        return [int(v) for v in flat]
    if name in ("int64", "uint64"):
        return [str(v) for v in flat]
    if array.dtype.kind in "iu":
        return [int(v) for v in flat]
    if name == "float64":
        return [element(float(v)) for v in flat]
    # The shortest decimal that rounds to the same float32, which also holds every 16-bit float.
    return [element(float(str(np.float32(v)))) for v in flat]



class Key:
    """A PRNG key by its seed; encoded as `{"key": seed}`."""

    def __init__(self, seed):
        self.seed = seed


class Call:
    """A function of the library applied to arguments, as an argument: a schedule, a part of a chain."""

    def __init__(self, fn, *args, **options):
        self.fn, self.args, self.options = fn, args, options


def encode(value):
    if isinstance(value, Key):
        return {"key": value.seed}
    if isinstance(value, Call):
        call = {"call": value.fn, "args": [encode(v) for v in value.args]}
        return {**call, "options": encode(value.options)} if value.options else call
    if isinstance(value, slice):
        if value == slice(None):
            return ":"
        return {"slice": [value.start, value.stop, 1 if value.step is None else value.step]}
    if value is Ellipsis:
        return "..."
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        return {"dtype": array.dtype.name, "shape": list(array.shape), "data": elements(array)}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        plain = element(value)
        return {"number": plain} if isinstance(plain, str) else plain
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return {camel(str(k)): encode(v) for k, v in value.items()}
    raise TypeError(f"cannot encode {type(value)}")
