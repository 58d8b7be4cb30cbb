"""Runs functions by their Pullback names on JAX and keeps what went in and what came out."""

import contextlib
import json
import sys

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import optax

from .composites import composites
from .encode import Call, Key, camel, encode, snake

# Where the camelCase of a name is not its snake_case.
RENAMED = {"np.atleast1d": "atleast_1d", "np.atleast2d": "atleast_2d", "np.atleast3d": "atleast_3d"}
NAMESPACES = {
    "np": jnp,
    "np.linalg": jnp.linalg,
    "lax": jax.lax,
    "nn": jax.nn,
    "nn.initializers": jax.nn.initializers,
    "random": jax.random,
    "optim": optax,
}


def resolve(fn):
    if fn in composites:
        return composites[fn]
    namespace, _, name = fn.rpartition(".")
    python = RENAMED.get(fn) or snake(name)
    return getattr(NAMESPACES[namespace], python, None) or getattr(optax.losses, python)


def is_array(value):
    return isinstance(value, (np.ndarray, np.generic, jax.Array))


def to_jax(value):
    """Arrays become JAX's, keys and calls are made; everything else stays as it is."""
    if is_array(value):
        return jnp.asarray(value)
    if isinstance(value, Key):
        return jax.random.key(value.seed)
    if isinstance(value, Call):
        return resolve(value.fn)(*map(to_jax, value.args), **{k: to_jax(v) for k, v in value.options.items()})
    if isinstance(value, (list, tuple)):
        # Axes and shapes must be hashable.
        made = [to_jax(v) for v in value]
        return tuple(made) if all(type(v) is int for v in value) else made
    if isinstance(value, dict):
        return {k: to_jax(v) for k, v in value.items()}
    return value


def meta():
    return {
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "optax": optax.__version__,
        "numpy": np.__version__,
        "platform": jax.default_backend(),
        "flags": {
            "jax_threefry_partitionable": jax.config.jax_threefry_partitionable,
            "jax_default_prng_impl": jax.config.jax_default_prng_impl,
            "jax_numpy_dtype_promotion": jax.config.jax_numpy_dtype_promotion,
            "jax_enable_x64": "false, but true in the cases that carry x64",
        },
    }


class Recorder:
    """The cases of one topic. Names are unique; a generator with a fixed seed makes inputs, so that re-recording is stable."""

    def __init__(self, topic, seed):
        self.topic = topic
        self.cases = []
        self.extra = {}
        self.names = set()
        self.rng = np.random.default_rng(seed)

    # Inputs

    def normal(self, *shape, dtype=np.float32, digits=2, scale=1.0):
        """Normal numbers of few digits."""
        return np.round(self.rng.normal(size=shape) * scale, digits).astype(dtype)

    def positive(self, *shape, dtype=np.float32, digits=2, low=0.2, high=3.0):
        return np.round(self.rng.uniform(low, high, size=shape), digits).astype(dtype)

    def integers(self, *shape, low=-9, high=10, dtype=np.int32):
        return self.rng.integers(low, high, size=shape).astype(dtype)

    # Cases

    def add(self, name, fn, args, options, out, **fields):
        """Adds a case; fields that are None are left out."""
        if name in self.names:
            raise ValueError(f"{self.topic}: two cases are named '{name}'")
        self.names.add(name)
        case = {"name": name, "fn": fn, "args": [encode(a) for a in args]}
        if options:
            case["options"] = {camel(k): encode(v) for k, v in options.items()}
        for field, value in fields.items():
            if value is not None:
                case[field] = encode(value)
        case["out"] = encode(out)
        self.cases.append(case)

    def value(self, fn, *args, **options):
        """What JAX gives, for choosing what to record of it."""
        return resolve(fn)(*map(to_jax, args), **{k: to_jax(v) for k, v in options.items()})

    def case(self, fn, what, *args, x64=False, tol=None, **options):
        """The value of `fn(*args, **options)`."""
        with precision(x64):
            out = resolve(fn)(*map(to_jax, args), **{k: to_jax(v) for k, v in options.items()})
            self.add(f"{fn}: {what}", fn, args, options, out, x64=x64 or None, tol=tol)

    def derivatives(self, fn, what, *args, wrt=(0,), modes=("vjp", "jvp"), x64=False, tol=None, **options):
        """One case for the vector-Jacobian and one for the Jacobian-vector product, at random (co)tangents."""
        with precision(x64):
            given = [to_jax(a) for a in args]
            keywords = {k: to_jax(v) for k, v in options.items()}

            def f(*primals):
                full = list(given)
                for position, primal in zip(wrt, primals):
                    full[position] = primal
                return resolve(fn)(*full, **keywords)

            primals = [given[i] for i in wrt]
            fields = {"wrt": list(wrt), "x64": x64 or None, "tol": tol}
            if "vjp" in modes:
                out, pullback = jax.vjp(f, *primals)
                seed = self.like(out)
                gradients = list(pullback(to_jax(seed)))
                self.add(f"vjp {fn}: {what}", fn, args, options, gradients, mode="vjp", seed=seed, **fields)
            if "jvp" in modes:
                seed = [self.like(p) for p in primals]
                out, tangent = jax.jvp(f, tuple(primals), tuple(to_jax(seed)))
                self.add(f"jvp {fn}: {what}", fn, args, options, [out, tangent], mode="jvp", seed=seed, **fields)

    def hessian(self, fn, what, *args, x64=False, tol=None):
        """The second derivative with respect to the first argument."""
        with precision(x64):
            given = [to_jax(a) for a in args]
            out = jax.hessian(resolve(fn))(*given)
            self.add(f"hessian {fn}: {what}", fn, args, {}, out, mode="hessian", x64=x64 or None, tol=tol)

    def like(self, value):
        """Random (co)tangents of few digits, away from zero, in the structure of `value`."""

        def leaf(v):
            sign = self.rng.choice([-1.0, 1.0], size=v.shape)
            return np.round(sign * self.rng.uniform(0.3, 2.0, size=v.shape), 2).astype(v.dtype)

        return jax.tree.map(leaf, value)

    # Output

    def text(self):
        """The file: one case a line."""
        dump = lambda v: json.dumps(v, separators=(",", ":"), allow_nan=False)
        lines = ",\n".join(dump(c) for c in self.cases)
        extra = "".join(f"{dump(k)}:{dump(encode(v))},\n" for k, v in self.extra.items())
        return f'{{"meta":{dump(meta())},\n{extra}"cases":[\n{lines}\n]}}\n'


@contextlib.contextmanager
def precision(x64):
    with jax.enable_x64(bool(x64)):
        yield


def log(message):
    print(message, file=sys.stderr, flush=True)
