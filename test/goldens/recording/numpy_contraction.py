"""dot, matmul, tensordot, outer, einsum."""

import numpy as np


def record(r):
    products(r)
    einsums(r)


def products(r):
    v, w = r.normal(3), r.normal(3)
    a, b = r.normal(2, 3), r.normal(3, 4)
    for name in ["dot", "matmul"]:
        fn = f"np.{name}"
        r.case(fn, "vectors", v, w)
        r.case(fn, "matrix and vector", a, v)
        r.case(fn, "vector and matrix", v, b)
        r.case(fn, "matrices", a, b)
        r.case(fn, "int32", r.integers(2, 3), r.integers(3, 2), tol=0)
        r.case(fn, "int32 and float32", r.integers(2, 3), b)
        r.case(fn, "bool", np.array([[True, False], [True, True]]), np.array([[False, True], [True, True]]), tol=0)
        r.case(fn, "float64", a.astype(np.float64), b.astype(np.float64), x64=True)
        r.case(fn, "nothing to sum over", np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32), tol=0)
        r.case(fn, "no rows", np.zeros((0, 3), np.float32), b, tol=0)
        r.case(fn, "NaN and infinity", np.array([[np.nan, 1], [np.inf, 0]], np.float32), np.ones((2, 2), np.float32), tol=0)
        r.case(fn, "infinity times zero", np.array([np.inf, 1], np.float32), np.array([0, 1], np.float32), tol=0)
    r.case("np.dot", "a number and a matrix", 2, a)
    r.case("np.dot", "ranks 3 and 2", r.normal(2, 2, 3), b)
    r.case("np.dot", "ranks 3 and 3", r.normal(2, 2, 3), r.normal(2, 3, 2))
    r.case("np.dot", "ranks 3 and 1", r.normal(2, 2, 3), v)
    r.case("np.matmul", "batches", r.normal(2, 2, 3), r.normal(2, 3, 2))
    r.case("np.matmul", "broadcast batches", r.normal(2, 1, 2, 3), r.normal(3, 3, 2))
    r.case("np.matmul", "batch and vector", r.normal(2, 2, 3), v)
    r.case("np.matmul", "vector and batch", v, r.normal(2, 3, 2))
    r.case("np.matmul", "no batches", np.zeros((0, 2, 3), np.float32), b, tol=0)
    r.case("np.outer", "vectors", v, r.normal(2))
    r.case("np.outer", "matrices are flattened", r.normal(2, 2), r.normal(2, 1))
    r.case("np.outer", "int32", r.integers(2), r.integers(3), tol=0)
    r.case("np.outer", "a number", np.float32(2), v)
    c, d = r.normal(2, 3, 4), r.normal(4, 3, 2)
    r.case("np.tensordot", "two axes by default", c, r.normal(3, 4, 2), 2)
    r.case("np.tensordot", "one axis", a, b, 1)
    r.case("np.tensordot", "no axes", r.normal(2), r.normal(3), 0)
    r.case("np.tensordot", "given axes", c, d, [[1, 2], [1, 0]])
    r.case("np.tensordot", "negative axes", c, d, [[-1], [0]])
    r.case("np.tensordot", "one axis of each", c, d, [2, 0])
    r.case("np.tensordot", "everything", c, c, 3)


def einsums(r):
    v, w, a, b = r.normal(3), r.normal(3), r.normal(2, 3), r.normal(3, 4)
    square, cube = r.normal(3, 3), r.normal(2, 3, 4)
    batch, batch2 = r.normal(2, 2, 3), r.normal(2, 3, 2)
    table = [
        ("ij,jk->ik", a, b),
        ("ij,jk", a, b),
        ("ij,jk->ki", a, b),
        ("i,i->", v, w),
        ("i,i", v, w),
        ("i,i->i", v, w),
        ("i,j->ij", v, r.normal(2)),
        ("i,j->ji", v, r.normal(2)),
        ("ij->ji", a),
        ("ij->", a),
        ("ij->i", a),
        ("ij->j", a),
        ("ba", a),
        ("ii->i", square),
        ("ii->", square),
        ("ii", square),
        ("iij->j", r.normal(2, 2, 3)),
        ("iij->ij", r.normal(2, 2, 3)),
        ("iji->j", r.normal(2, 3, 2)),
        ("iii->i", r.normal(2, 2, 2)),
        ("ijk->kij", cube),
        ("ijk->ik", cube),
        ("...j->...", cube),
        ("...ij->...ji", cube),
        ("...ij,...jk->...ik", batch, batch2),
        ("...ij,jk->...ik", batch, b),
        ("ij...,j...->i...", r.normal(2, 3, 2), r.normal(3, 2)),
        ("...,...->...", r.normal(2, 1), r.normal(3)),
        ("i...->...", cube),
        ("...i,...i", r.normal(2, 3), r.normal(2, 3)),
        ("i...,i...", r.normal(3, 2), r.normal(3, 2)),
        ("bij,bjk->bik", batch, batch2),
        ("bij,bkj->bik", batch, r.normal(2, 4, 3)),
        ("bij,bij->b", batch, batch),
        ("bhqd,bhkd->bhqk", r.normal(1, 2, 2, 3), r.normal(1, 2, 3, 3)),
        ("ij,ij->ij", a, a),
        ("ij,i->ij", a, r.normal(2)),
        ("ii,i->i", square, v),
        ("ij,jk,kl->il", a, b, r.normal(4, 2)),
        ("ij,jk,kl", a, b, r.normal(4, 2)),
        ("i,j,k->kji", r.normal(2), r.normal(2), r.normal(3)),
        ("ab,cb,ad->cd", r.normal(2, 3), r.normal(2, 3), r.normal(2, 2)),
        ("i,i,i->", v, w, v),
        ("ij,kl->", a, r.normal(2, 2)),
        ("i->i", v),
        ("->", np.float32(2)),
        (",->", np.float32(2), np.float32(3)),
        (",i->i", np.float32(2), v),
        (" ij , jk -> ik ", a, b),
        ("Aa,aB->AB", a, b),
        ("Aa,aB", a, b),
    ]
    for spec, *operands in table:
        shapes = " ".join(str(list(np.shape(o))).replace(" ", "") for o in operands)
        r.case("np.einsum", f"'{spec}' on {shapes}", spec, *operands)
    r.case("np.einsum", "int32", "ij,jk->ik", r.integers(2, 3), r.integers(3, 2), tol=0)
    r.case("np.einsum", "int32 and float32", "i,i->", r.integers(3), v)
    r.case("np.einsum", "float64", "ij,j->i", a.astype(np.float64), v.astype(np.float64), x64=True)
    r.case("np.einsum", "nothing to sum over", "ij,jk->ik", np.zeros((2, 0), np.float32), np.zeros((0, 2), np.float32), tol=0)
    r.case("np.einsum", "extent 1 broadcasts under the ellipsis", "...i,...i->...", r.normal(1, 2, 3), r.normal(4, 1, 3))
