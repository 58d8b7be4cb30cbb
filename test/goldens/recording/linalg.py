"""Linear algebra. Factors are unique up to signs: what is recorded of them does not depend on those."""

import jax
import jax.numpy as jnp
import numpy as np

from .composites import composites

la = jnp.linalg


def symmetric(a):
    return a + jnp.swapaxes(a, -1, -2)


def positive(a):
    return a @ jnp.swapaxes(a, -1, -2) + 2 * jnp.eye(a.shape[-1], dtype=a.dtype)


def low_rank(a, rank):
    """A square matrix of that rank, as a function of all of `a`."""
    return a[..., :, :rank] @ jnp.swapaxes(a, -1, -2)[..., :rank, :]


composites |= {
    "linalg.choleskyOf": lambda a: la.cholesky(positive(a)),
    "linalg.choleskyUpper": lambda a: la.cholesky(positive(a), upper=True),
    "linalg.eigenvalues": lambda a: la.eigh(symmetric(a))[0],
    "linalg.eigenvectors": lambda a: la.eigh(symmetric(a))[1] ** 2,
    "linalg.projectors": lambda a: (lambda w, v: v @ (jnp.sin(w)[..., None] * jnp.swapaxes(v, -1, -2)))(*la.eigh(symmetric(a))),
    "linalg.singularValues": lambda a: la.svd(a, compute_uv=False),
    "linalg.leftVectors": lambda a: la.svd(a, full_matrices=False)[0] ** 2,
    "linalg.rightVectors": lambda a: la.svd(a, full_matrices=False)[2] ** 2,
    "linalg.ofSingular": lambda a: (lambda u, s, v: (u * jnp.tanh(s)[..., None, :]) @ v)(*la.svd(a, full_matrices=False)),
    "linalg.q": lambda a: la.qr(a)[0],
    "linalg.r": lambda a: la.qr(a)[1],
    "linalg.lu": lambda a: jax.lax.linalg.lu(a)[0],
    "linalg.permutation": lambda a: jax.lax.linalg.lu(a)[2],
    "linalg.lowerSolve": lambda a, b: jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=True),
    "linalg.rightSolve": lambda a, b: jax.lax.linalg.triangular_solve(a, b, transpose_a=True, unit_diagonal=True),
    "linalg.detOfRank1": lambda a: la.det(low_rank(a, 1)),
    "linalg.logdet": lambda a: la.slogdet(a)[1],
    "linalg.sign": lambda a: la.slogdet(a)[0],
    "linalg.scalarDet": lambda a: jnp.sin(la.det(a)),
    "linalg.scalarInv": lambda a: jnp.sum(jnp.sin(la.inv(a))),
    "linalg.scalarSolve": lambda a, b: jnp.sum(jnp.sin(la.solve(a, b))),
    "linalg.scalarCholesky": lambda a: jnp.sum(jnp.sin(la.cholesky(positive(a)))),
    "linalg.scalarEigenvalues": lambda a: jnp.sum(jnp.sin(la.eigh(symmetric(a))[0]) * jnp.arange(1.0, a.shape[-1] + 1)),
    "linalg.scalarLogdet": lambda a: la.slogdet(a)[1],
    "linalg.scalarSingular": lambda a: jnp.sum(jnp.sin(la.svd(a, compute_uv=False))),
    "linalg.scalarR": lambda a: jnp.sum(jnp.sin(la.qr(a)[1])),
    "linalg.solution": lambda a, b: la.lstsq(a, b)[0],
    "linalg.scalarPinv": lambda a: jnp.sum(jnp.sin(la.pinv(a))),
    # Padé's approximant and squarings: no eigenvalues in it, so that it is right where they are equal.
    "linalg.exponential": lambda a: jax.scipy.linalg.expm(symmetric(a) / 2),
    "linalg.scalarExponential": lambda a: jnp.sum(jnp.sin(jax.scipy.linalg.expm(symmetric(a) / 2))),
    "linalg.root": lambda a: jax.scipy.linalg.sqrtm(positive(a)).real,
}


def record(r):
    f64 = {"x64": True, "tol": 1e-8}

    def matrix(*shape):
        return r.normal(*shape, dtype=np.float64)

    square = [("3 by 3", matrix(3, 3)), ("5 by 5", matrix(5, 5)), ("a batch", matrix(2, 4, 4))]
    for key in [
        "choleskyOf", "choleskyUpper", "eigenvalues", "eigenvectors", "projectors", "singularValues", "leftVectors",
        "rightVectors", "ofSingular", "q", "r", "lu", "logdet",
    ]:  # fmt: skip
        for what, a in square:
            r.case(f"linalg.{key}", what, a, **f64)
            r.derivatives(f"linalg.{key}", what, a, **f64)
    for key in ["singularValues", "leftVectors", "rightVectors", "ofSingular", "q", "r", "lu"]:
        for what, a in [("tall", matrix(5, 3)), ("wide", matrix(3, 5)), ("tall batch", matrix(2, 4, 2))]:
            r.case(f"linalg.{key}", what, a, **f64)
            if not (key in ["q", "r"] and what == "wide"):
                r.derivatives(f"linalg.{key}", what, a, **f64)
    for what, a in [*square, ("wide", matrix(3, 5))]:
        r.case("linalg.permutation", what, a, **f64)
    for key in ["np.linalg.det", "np.linalg.inv", "linalg.sign"]:
        for what, a in [*square, ("1 by 1", matrix(1, 1)), ("2 by 2", matrix(2, 2))]:
            r.case(key, what, a, **f64)
            if key != "linalg.sign":
                r.derivatives(key, what, a, **f64)
    for what, a, b in [
        ("a vector", matrix(4, 4), matrix(4)),
        ("a matrix", matrix(4, 4), matrix(4, 3)),
        ("batches", matrix(2, 3, 3), matrix(2, 3, 2)),
        ("broadcast", matrix(3, 3), matrix(2, 3, 2)),
    ]:
        r.case("np.linalg.solve", what, a, b, **f64)
        r.derivatives("np.linalg.solve", what, a, b, wrt=(0, 1), **f64)
    for what, a, b in [("one", matrix(4, 4), matrix(4, 3)), ("a batch", matrix(2, 3, 3), matrix(2, 3, 3))]:
        for key in ["linalg.lowerSolve", "linalg.rightSolve"]:
            b2 = b if key == "linalg.lowerSolve" else np.swapaxes(b, -1, -2)
            r.case(key, what, a, b2, **f64)
            r.derivatives(key, what, a, b2, wrt=(0, 1), **f64)
    # Singular: rank n - 1 is where JAX has the gradient right too.
    for n in [2, 3]:
        a = matrix(n, n)
        a[-1] = a[0] * 2
        r.case("np.linalg.det", f"singular, {n} by {n}", a, **f64)
        r.derivatives("np.linalg.det", f"singular, {n} by {n}", a, **f64)
    for key in ["Det", "Inv", "Cholesky", "Eigenvalues", "Logdet", "Singular", "R"]:
        for n in [2, 3, 4]:
            r.hessian(f"linalg.scalar{key}", f"{n} by {n}", matrix(n, n) + 2 * np.eye(n), **{**f64, "tol": 1e-6})
    r.hessian("linalg.scalarSolve", "3 by 3", matrix(3, 3) + 2 * np.eye(3), matrix(3), **{**f64, "tol": 1e-6})
    for what, a in [("tall", matrix(4, 2)), ("wide", matrix(2, 4)), ("square", matrix(3, 3))]:
        r.case("np.linalg.pinv", what, a, **f64)
        r.case("np.linalg.matrixRank", what, a.astype(np.float32))
        r.case("np.linalg.cond", what, a, **f64)
        r.case("linalg.solution", what, a, matrix(a.shape[0], 2), **f64)
        for order in ["fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")]:
            r.case("np.linalg.norm", f"{what}, {order}", a, ord=order, **f64)
    for order in [None, 0, 1, 2, 3, float("inf"), float("-inf"), 0.5]:
        r.case("np.linalg.norm", f"vectors, {order}", matrix(2, 4), ord=order, axis=-1, **f64)
    for n in [0, 1, 2, 3, 7, -1, -2]:
        r.case("np.linalg.matrixPower", f"to the {n}", matrix(3, 3), n, **f64)
    r.case("np.linalg.multiDot", "four", [matrix(2, 5), matrix(5, 3), matrix(3, 4), matrix(4)], **f64)
    for what, a in [("float32", r.normal(4, 4)), ("float32 batch", r.normal(2, 3, 3))]:
        for key in ["choleskyOf", "eigenvalues", "singularValues", "r"]:
            r.case(f"linalg.{key}", what, a, tol=2e-5)
    for shape in [(0, 3), (3, 0), (0, 0), (2, 0, 3)]:
        for order in ["fro", "nuc", 1, 2, float("inf")]:
            r.case("np.linalg.norm", f"matrices of nothing, {list(shape)}, {order}", np.zeros(shape), ord=order, axis=[-2, -1], **f64)
    for order in [None, 0, 1, 2, 3, float("inf")]:
        r.case("np.linalg.norm", f"vectors of nothing, {order}", np.zeros((2, 0)), ord=order, axis=-1, **f64)
    r.derivatives("np.linalg.norm", "vectors, infinity, ties", np.array([[1.0, -1.0], [0.0, 0.0]]), ord=float("inf"), axis=-1, **f64)
    r.case("np.linalg.qr", "r alone", np.array([[3.0, 1.0], [4.0, 2.0]]), mode="r", **f64)
    for what, a in [
        ("square", matrix(3, 3)), ("tall", matrix(4, 2)), ("wide", matrix(2, 4)), ("a batch", matrix(2, 3, 2)),
        ("the identity", np.eye(3)), ("twice the identity, tall", 2 * np.eye(4, 3)),
    ]:  # fmt: skip
        r.derivatives("np.linalg.pinv", what, a, **f64)
        if a.ndim == 2 and what != "the identity" and "twice" not in what:
            # Through singular vectors, which JAX cannot differentiate where singular values are equal.
            r.derivatives("linalg.solution", what, a, matrix(a.shape[0], 2), wrt=(0, 1), **f64)
    rotation = np.linalg.qr(matrix(4, 4))[0]
    for what, values in [("equal", [1, 1, 1, 1]), ("pairs", [1, 1, -0.5, -0.5]), ("near", [1, 1 + 1e-9, 1 + 1e-4, 2]), ("zero", [0, 0, 0, 0])]:
        a = rotation * np.array(values, np.float64) @ rotation.T
        r.case("linalg.exponential", what, a, **f64)
        r.derivatives("linalg.exponential", what, a, **f64)
        r.hessian("linalg.scalarExponential", what, a, **{**f64, "tol": 1e-6})
    r.hessian("linalg.scalarPinv", "the identity", np.eye(3), **{**f64, "tol": 1e-6})
    r.hessian("linalg.scalarPinv", "tall", matrix(4, 2), **{**f64, "tol": 1e-6})
    r.case("linalg.root", "4 by 4", matrix(4, 4), **f64)
