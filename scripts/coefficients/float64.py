"""Writes src/backends/wasm/math/float64/coefficients.ts: `python3 scripts/coefficients/float64.py > that file`, then Prettier.

Each polynomial is the one whose error, weighted by what it does to the function, is least (see minimax.py).
"""

from minimax import Target, float64, mp, mpf, remez, rounded

mp.prec = 240
ln2, pi = mp.log(2), mp.pi
half = mpf(1) / 2
# A little beyond the ends of the ranges that reductions have in exact arithmetic.
margin = mpf("1.001")


def near(x):
    """Keeps quotients away from 0 / 0."""
    return max(x, mpf(2) ** -50)


def of_square(f):
    """f as a function of z = x²."""
    return lambda z: f(mp.sqrt(near(z)))


def number(x):
    """The shortest text, as JavaScript writes it."""
    text = repr(float(x))
    if text.endswith(".0"):
        return text[:-2]
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def array(name, comment, coefficients, error=None):
    bits = "" if error is None else f" Error 2^{float(mp.log(error, 2)):.1f}."
    print(f"\n/** {comment}{bits} */")
    print(f"export const {name} = [{', '.join(map(number, coefficients))}]")


def polynomial(name, comment, f, high, degree, weight, low=0):
    """In z between 0 (or low) and high."""
    target = Target(f, low, high, weight)
    array(name, comment, *rounded(target, degree, float64))


def parts(name, comment, value, *bits):
    """A constant as a sum of numbers, of which the first ones have so many bits that small multiples of them are exact."""
    rest, sum_ = mpf(value), []
    for count in bits:
        scale = mpf(2) ** (count - 1 - mp.floor(mp.log(abs(rest), 2)))
        sum_.append(mp.floor(rest * scale) / scale)
        rest -= sum_[-1]
    array(name, comment, [*sum_, float64(rest)])


def exponentials():
    parts("ln2Parts", "ln 2; the first part has 41 bits.", ln2, 41)
    coth = lambda x: (x * mp.coth(x / 2) - 2) / (x * x)
    comment = "(R - 2) / r² in r², for R = r coth(r / 2), where |r| ≤"
    polynomial(
        "cothNear", f"{comment} ln 2 / 2.", of_square(coth), (ln2 / 2 * margin) ** 2, 4, lambda z: near(z) ** 1.5 / 2
    )
    polynomial("cothFar", f"{comment} 1.5.", of_square(coth), mpf("1.5") ** 2, 8, lambda z: near(z) / 2)
    sinh = lambda x: (mp.sinh(x) / x - 1) / (x * x)
    polynomial("sinhSmall", "(sinh x - x) / x³ in x², for |x| ≤ 1.", of_square(sinh), 1, 6, near)


# s² for s = (m - 1) / (m + 1), m between √½ and √2
log_end = (3 - 2 * mp.sqrt(2)) ** 2 * margin


def logarithms():
    log = lambda s: 2 * (mp.atanh(s) / s - 1) / (s * s)
    polynomial(
        "logTail", "(log m - 2s) / s³ in s², for s = (m - 1) / (m + 1).", of_square(log), log_end, 6, lambda z: near(z) / 2
    )
    log2 = lambda s: (3 * mp.atanh(s) / s - 3 - s * s) / s**4
    polynomial(
        "log2Tail", "(3/2 log m - 3s - s³) / s⁵ in s², s as before.", of_square(log2), log_end, 7, lambda z: near(z) ** 2 / 3
    )
    parts("twoThirdsLog2e", "2 / (3 ln 2); the first part has 26 bits.", 2 / (3 * ln2), 26)
    parts("ln2Halves", "ln 2; the first part has 26 bits.", ln2, 26)


def circular():
    parts("halfPi", "π / 2; the first three parts have 33 bits.", pi / 2, 33, 33, 33)
    parts("quarterPi", "π / 4; the first part has 50 bits.", pi / 4, 50)
    end = (pi / 4 * margin) ** 2
    sin = lambda x: (mp.sin(x) / x - 1) / (x * x)
    cos = lambda x: (mp.cos(x) - 1 + x * x / 2) / x**4
    polynomial("sinTail", "(sin r - r) / r³ in r², for |r| ≤ π / 4.", of_square(sin), end, 5, near)
    polynomial("cosTail", "(cos r - 1 + r² / 2) / r⁴ in r².", of_square(cos), end, 5, lambda z: near(z) ** 2)
    asin = lambda x: (mp.asin(x) / x - 1) / (x * x)
    atan = lambda x: (mp.atan(x) / x - 1) / (x * x)
    polynomial("asinTail", "(asin x - x) / x³ in x², for |x| ≤ ½.", of_square(asin), half**2, 12, near)
    polynomial(
        "atanTail", "(atan t - t) / t³ in t², for |t| ≤ tan(π / 8).", of_square(atan), (mp.sqrt(2) - 1) ** 2 * margin, 10, near
    )


def scaled_erfc(x):
    """e^(x²) erfc(x), by its asymptotic series where that has converged."""
    if x < 12:
        return mp.exp(x * x) * mp.erfc(x)
    term, total, k = mpf(1), mpf(0), 0
    while abs(term) > mpf(2) ** -120:
        total += term
        k += 1
        term *= -(2 * k - 1) / (2 * x * x)
    return total / (x * mp.sqrt(pi))


def from_ratio(c):
    """x from t = (x - c) / (x + c)."""
    return lambda t: c * (1 + t) / (1 - t)


def errors():
    erf = lambda x: mp.erf(x) / x - 1
    polynomial("erfSmall", "(erf x - x) / x in x², for |x| ≤ 1.", of_square(erf), 1, 12, lambda z: mpf(1))
    x = from_ratio(mpf("2.5"))
    polynomial(
        "erfTail",
        "e^(x²) erfc(x) in (x - 2.5) / (x + 2.5), for x from 1 to 6; its error is seen from erf.",
        lambda t: scaled_erfc(x(t)),
        mpf("3.5") / mpf("8.5"),
        12,
        lambda t: mp.exp(-x(t) ** 2),
        low=mpf("-1.5") / mpf("3.5"),
    )
    y = from_ratio(mpf(4))
    target = Target(lambda t: (1 + 2 * y(t)) * scaled_erfc(y(t)), mpf("-3.5") / mpf("4.5"), mpf(24) / 32, lambda t: mpf(1))
    c, _, error = remez(target, 22)
    comment = "(1 + 2x) e^(x²) erfc(x) in (x - 4) / (x + 4), for x from ½ to 28"
    array("erfcScaled", f"{comment}, the constant left out.", c[1:], error)
    parts("erfcConstant", "That constant.", c[0], 53)


def inverse_error():
    def ratio(w):
        """erfInv(y) / y, for which y is so near to 1 at the end that Newton's method on log erfc serves better than mpmath's."""
        y = mp.sqrt(-mp.expm1(-near(w)))
        if w < 4:
            return mp.erfinv(y) / y
        x, target = mp.sqrt(w), -w - mp.log1p(y)
        for _ in range(12):
            x += (mp.log(mp.erfc(x)) - target) * scaled_erfc(x) * mp.sqrt(pi) / 2
        return x / y

    polynomial(
        "erfInvCentre",
        "erfInv(y) / y in w, for w = -log(1 - y²) ≤ 5.",
        ratio,
        5,
        22,
        lambda w: 1 / ratio(w),
    )
    polynomial(
        "erfInvTail",
        "erfInv(y) / y in √w, for w from 5 to 37.",
        lambda v: ratio(v * v),
        mp.sqrt(37),
        8,
        lambda v: 1 / ratio(v * v),
        low=mp.sqrt(5),
    )


def roots():
    polynomial("cbrtGuess", "∛m for m from 1 to 8.", mp.cbrt, 8, 3, lambda m: 1 / mp.cbrt(m), low=1)


print("/** Written by scripts/coefficients/float64.py, which says how. Lowest powers first. */")
exponentials()
logarithms()
circular()
errors()
inverse_error()
roots()
