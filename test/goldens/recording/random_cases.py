"""Random indices, einsums and reductions: what nobody would think of by hand."""

import numpy as np


def record(r):
    for i in range(120):
        indexing(r, i)
    for i in range(80):
        einsum(r, i)
    for i in range(60):
        reduction(r, i)


def shape_of(r, rank, low=1, high=4):
    return tuple(int(n) for n in r.rng.integers(low, high + 1, size=rank))


def index_entry(r, extent, kind, length):
    if kind == "int":
        return int(r.rng.integers(-extent, extent))
    if kind == "slice":
        start, stop = (None if r.rng.random() < 0.3 else int(r.rng.integers(-extent - 1, extent + 2)) for _ in range(2))
        return slice(start, stop, int(r.rng.choice([1, 1, 2, -1, -2])))
    return r.rng.integers(-extent, extent, size=length).astype(np.int32)


def random_index(r, shape):
    length = shape_of(r, int(r.rng.integers(1, 3)), 1, 3)
    used = int(r.rng.integers(1, len(shape) + 1))
    kinds = [str(r.rng.choice(["int", "slice", "slice", "array"])) for _ in range(used)]
    entries = [index_entry(r, shape[d], kind, length) for d, kind in enumerate(kinds)]
    for _ in range(int(r.rng.integers(0, 2))):
        entries.insert(int(r.rng.integers(0, len(entries) + 1)), None)
    if r.rng.random() < 0.3 and not any(isinstance(e, np.ndarray) for e in entries):
        entries.append(Ellipsis)
    return entries


def indexing(r, i):
    x = r.normal(*shape_of(r, int(r.rng.integers(1, 5))))
    index = random_index(r, x.shape)
    read = np.zeros(x.shape)[tuple(index)].shape
    if i % 3 == 0:
        r.derivatives("at.get", f"random index {i}", x, index)
    else:
        r.case("at.get", f"random index {i}", x, index, tol=0)
    method = ["set", "add", "max", "min", "multiply"][i % 5]
    # Which of two updates of one place wins is not defined; sets are of one value.
    value = np.float32(2.5) if method in ("set", "multiply") else r.normal(*read)
    r.case(f"at.{method}", f"random index {i}", x, index, value)


def einsum(r, i):
    letters = list("abcde")
    extents = {c: int(n) for c, n in zip(letters, r.rng.integers(1, 4, size=5))}
    terms = ["".join(r.rng.choice(letters, size=int(r.rng.integers(0, 4)))) for _ in range(int(r.rng.integers(1, 4)))]
    seen = sorted(set("".join(terms)))
    kept = [c for c in seen if r.rng.random() < 0.5]
    r.rng.shuffle(kept)
    text = ",".join(terms) + "->" + "".join(kept)
    operands = [r.normal(*(extents[c] for c in t)) for t in terms]
    if i % 2 == 0:
        r.case("np.einsum", f"{text} ({i})", text, *operands, tol={"rtol": 1e-5, "atol": 1e-5})
    else:
        wrt = tuple(range(1, 1 + len(operands)))
        r.derivatives("np.einsum", f"{text} ({i})", text, *operands, wrt=wrt, tol={"rtol": 1e-5, "atol": 1e-5})


def reduction(r, i):
    x = r.normal(*shape_of(r, int(r.rng.integers(1, 5))))
    name = ["sum", "mean", "prod", "max", "min", "var", "std", "cumsum", "cumprod", "argmax"][i % 10]
    axis = int(r.rng.integers(-x.ndim, x.ndim))
    if name in ("cumsum", "cumprod", "argmax"):
        r.case(f"np.{name}", f"random {i}", x, axis=axis)
        return
    axes = sorted({axis % x.ndim, int(r.rng.integers(0, x.ndim))})
    tol = {"rtol": 2e-5, "atol": 5e-6}
    # A deviation over a single element has no derivative.
    if name in ("std", "var") and int(np.prod([x.shape[a] for a in axes])) == 1:
        r.case(f"np.{name}", f"random {i}", x, axis=axes)
    else:
        r.derivatives(f"np.{name}", f"random {i}", x, axis=axes, keepdims=bool(i % 2), tol=tol)
