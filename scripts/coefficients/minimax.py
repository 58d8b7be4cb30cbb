"""Best approximations by polynomials and rational functions: Remez's exchange algorithm.

See J.-M. Muller, Elementary Functions: Algorithms and Implementation (3rd edition, 2016), chapter 3. Requires mpmath.
"""

from mpmath import mp, mpf, lu_solve, matrix
import struct

mp.prec = 120


def float32(x):
    return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def float64(x):
    return mpf(float(x))


def horner(c, x):
    total = mpf(0)
    for a in reversed(c):
        total = total * x + a
    return total


class Target:
    """A function on an interval, with the weight that its error has, tabled on Chebyshev points (denser at the ends)."""

    def __init__(self, f, lo, hi, weight, points=500):
        lo, hi = mpf(lo), mpf(hi)
        self.x = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * points)) for i in range(points)]
        self.f = [f(x) for x in self.x]
        self.w = [abs(weight(x)) for x in self.x]

    def errors(self, p, q):
        return [w * (horner(p, x) / horner(q, x) - f) for x, f, w in zip(self.x, self.f, self.w)]


def extremes(errors, count):
    """Indices of `count` extremes of alternating sign, the largest ones that are next to each other."""
    best = []
    for i, e in enumerate(errors):
        if best and (e > 0) == (errors[best[-1]] > 0):
            if abs(e) > abs(errors[best[-1]]):
                best[-1] = i
        else:
            best.append(i)
    while len(best) > count:
        best.pop(0 if abs(errors[best[0]]) < abs(errors[best[-1]]) else -1)
    return best


def solve(target, nodes, fixed, free, degree, q):
    """The coefficients that level the error on the nodes, given the last denominator q."""
    rows, right = [], []
    for sign, i in enumerate(nodes):
        x, f, w = target.x[i], target.f[i], target.w[i]
        row = [x**j for j in range(len(fixed), len(fixed) + free)]
        row += [-f * x**j for j in range(1, degree + 1)]
        row.append((-1) ** sign * horner(q, x) / w)
        rows.append(row)
        right.append(f - horner(fixed, x))
    solution = list(lu_solve(matrix(rows), matrix(right)))
    return fixed + solution[:free], [mpf(1)] + solution[free:-1]


def remez(target, n, m=0, fixed=(), rounds=40):
    """p of degree n over q of degree m with q(0) = 1; `fixed` are the first coefficients of p. Gives p, q, largest error."""
    fixed = list(fixed)
    free = n + 1 - len(fixed)
    count = free + m + 1
    last = len(target.x) - 1
    nodes = [round(last * (1 - float(mp.cos(mp.pi * i / (count - 1)))) / 2) for i in range(count)]
    q = [mpf(1)] + [mpf(0)] * m
    for _ in range(rounds):
        for _ in range(30 if m else 1):
            p, q = solve(target, nodes, fixed, free, m, q)
        errors = target.errors(p, q)
        found = extremes(errors, count)
        if len(found) < count:
            break
        if found == nodes:
            break
        nodes = found
    return p, q, max(abs(e) for e in errors)


def rounded(target, n, representable):
    """A polynomial with coefficients in the target format.

    On an interval that begins at 0 each is rounded in turn, and the rest fitted again to make up for it. (On one with 0 inside,
    the powers that are left have a common zero, and the exchange would not converge.)
    """
    c = []
    refit = target.x[0] >= 0
    while len(c) <= n:
        p, _, _ = remez(target, n, 0, c)
        c += [representable(a) for a in (p[len(c) : len(c) + 1] if refit else p)]
    return c, max(abs(e) for e in target.errors(c, [mpf(1)]))


def show(name, c, error, digits=9):
    print(f"// {name}: error 2^{float(mp.log(error, 2)):.1f}")
    print("[" + ", ".join(mp.nstr(a, digits) for a in c) + "]")
