"""The coefficients in src/backends/wasm/math/float32: run `python3 scripts/coefficients/float32.py [name ...]`.

Each approximation is the minimax one for the error of the function that it serves, relative to that function.
"""

import sys
from mpmath import mp, mpf
from minimax import Target, float32, float64, remez, rounded, show

ln2, pi = mp.log(2), mp.pi
tiny = mpf(2) ** -40


def near(x):
    """Keeps quotients away from 0 / 0."""
    return x if abs(x) > tiny else tiny


def odd(f):
    """q with f(x) = x + x³ q(x²), as a function of z = x²."""
    return lambda z: (f(mp.sqrt(near(z))) / mp.sqrt(near(z)) - 1) / near(z)


def odd_weight(f):
    """The relative error of f for an error of q."""
    return lambda z: near(z) * mp.sqrt(near(z)) / f(mp.sqrt(near(z)))


def polynomial(name, f, lo, hi, weight, degree, representable=float32):
    c, error = rounded(Target(f, lo, hi, weight), degree, representable)
    show(name, c, error, 9 if representable is float32 else 17)


def exponential(name, degree, edge, relative_to):
    polynomial(
        f"{name}: (e^r - 1 - r - r^2 / 2) / r^3",
        lambda r: (mp.expm1(near(r)) - near(r) - near(r) ** 2 / 2) / near(r) ** 3,
        -edge * 1.0001,
        edge * 1.0001,
        lambda r: near(r) ** 3 / relative_to(near(r)),
        degree,
    )


def exponentials():
    exponential("exp", 4, ln2, mp.exp)
    exponential("expm1", 5, ln2, mp.expm1)
    exponential("decay", 3, ln2 / 2, mp.exp)
    polynomial(
        "exp2: (2^r - 1) / r",
        lambda r: mp.expm1(near(r) * ln2) / near(r),
        -0.5,
        0.5,
        lambda r: near(r) / mpf(2) ** r,
        5,
    )
    polynomial("sinh: (sinh x - x) / x^3 in x^2", odd(mp.sinh), 0, 1, odd_weight(mp.sinh), 2)
    polynomial("tanh: (tanh x - x) / x^3 in x^2", odd(mp.tanh), 0, 0.625**2, odd_weight(mp.tanh), 4)


def logarithms():
    lo, hi = mp.sqrt(0.5) - 1, mp.sqrt(2) - 1
    for degree in (7, 8):
        polynomial(
            f"log, degree {degree}: (log(1 + f) - f + f^2 / 2) / f^3",
            lambda f: (mp.log1p(near(f)) - near(f) + near(f) ** 2 / 2) / near(f) ** 3,
            lo,
            hi,
            lambda f: near(f) ** 3 / mp.log1p(near(f)),
            degree,
        )


def trigonometric():
    polynomial("sin: (sin r - r) / r^3 in r^2", odd(mp.sin), 0, pi**2 / 4 * 1.0001, odd_weight(mp.sin), 3)
    polynomial("tan: (tan r - r) / r^3 in r^2", odd(mp.tan), 0, pi**2 / 16 * 1.0001, odd_weight(mp.tan), 5)
    polynomial("atan: (atan x - x) / x^3 in x^2", odd(mp.atan), 0, 1, odd_weight(mp.atan), 8)
    polynomial("asin: (asin x - x) / x^3 in x^2", odd(mp.asin), 0, 0.5625**2, odd_weight(mp.asin), 5)


def doubles():
    s = lambda z: mp.sqrt(near(z))
    log2 = lambda z: mp.log((1 + s(z)) / (1 - s(z)), 2) / s(z)
    edge = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2
    for degree in (4,):
        polynomial(
            f"log2 in float64, degree {degree}: log2(m) / s in s^2, s = (m - 1) / (m + 1)",
            log2, 0, edge, lambda z: 1 / log2(z), degree, representable=float64,
        )
    polynomial("exp2 in float64: 2^r", lambda r: mpf(2) ** r, -0.5, 0.5, lambda r: mpf(2) ** -r, 6, float64)


def errors():
    erf = lambda z: mp.erf(mp.sqrt(near(z))) / mp.sqrt(near(z))
    for n, m in ((5, 5),):
        p, q, e = remez(Target(erf, 0, mpf(3.92) ** 2, lambda z: 1 / erf(z)), n, m)
        show(f"erf / x in x^2: numerator {n}", p, e)
        show(f"denominator {m}", q, e)
    scaled = lambda x: mp.exp(x * x) * mp.erfc(x)
    for n, m in ((4, 5),):
        p, q, e = remez(Target(scaled, 0, 10.06, lambda x: 1 / scaled(x)), n, m)
        show(f"e^(x^2) erfc x: numerator {n}", p, e)
        show(f"denominator {m}", q, e)


def inverse_errors():
    """Polynomials around a centre, chosen so that rounding the coefficients costs least."""

    def ratio(w):
        return mp.erfinv(mp.sqrt(-mp.expm1(-w))) / mp.sqrt(-mp.expm1(-w)) if w > 1e-8 else mp.sqrt(pi) / 2

    def best(name, f, lo, hi, centres, degree):
        found = []
        for centre in centres:
            target = Target(lambda v: f(v + centre), lo - centre, hi - centre, lambda v: 1 / f(v + centre), 150)
            c, error = rounded(target, degree, float32)
            found.append((error, centre, c))
        error, centre, c = min(found)
        show(f"{name} - {mp.nstr(centre, 9)}", c, error)

    best("erfInv, w < 5: erfInv(x) / x in w", ratio, 0, 5, [mpf(2) + mpf(i) / 32 for i in range(33)], 8)
    best("erfInv, w >= 5: erfInv(x) / x in sqrt(w)", lambda s: ratio(s * s), mp.sqrt(5), mp.sqrt(mpf(16.7)),
         [mpf(2.875) + mpf(i) / 64 for i in range(24)], 8)


groups = {f.__name__: f for f in (exponentials, logarithms, trigonometric, doubles, errors, inverse_errors)}
if __name__ == "__main__":
    for name in sys.argv[1:] or groups:
        groups[name]()
