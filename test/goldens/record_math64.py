"""Records float64 functions from mpmath, for test/backends/wasm/math/float64.test.ts. See README.md.

    python test/goldens/record_math64.py

Each function has points all over its domain, near the thresholds of the implementation and of the format, and random ones. A value is
recorded as the nearest float64, and how far it is from the true one, in 200ths of its last place.
"""

import base64
import json
import math
import pathlib
import random
import struct
import sys

from mpmath import mp, mpf

mp.prec = 400
HERE = pathlib.Path(__file__).parent
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 40
LEAST = mpf(2) ** -1074
MAX = sys.float_info.max
generator = random.Random(64)


def float_of(x):
    """The nearest float64. mpmath rounds subnormal numbers twice; here they are multiples of the least one."""
    if abs(x) < mpf(2) ** -1022:
        return float(mp.nint(x / LEAST)) * 2.0**-1074
    return float(x)


def neighbours(x):
    """x and some float64 close to it."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    near = [bits + d for d in (-9, -1, 0, 1, 7) if bits + d >= 0 or bits < 0]
    return [struct.unpack("<d", struct.pack("<q", b))[0] for b in near]


def sign():
    return generator.choice((-1, 1))


def everywhere(low=-1074, high=1023.99, signed=True):
    """Numbers of all magnitudes between 2^low and 2^high."""
    low = max(low, -1074)
    step = (high - low) / COUNT
    exponents = [low + step * (i + generator.random()) for i in range(COUNT)]
    return [(sign() if signed else 1) * float_of(mpf(2) ** mpf(e)) for e in exponents]


def between(low, high, count=1):
    return [generator.uniform(low, high) for _ in range(int(COUNT * count))]


def around(*points):
    return [y for x in points for y in neighbours(float(x))]


def both(points):
    return [*points, *(-x for x in points)]


def near_multiples_of_half_pi():
    """What comes closest to multiples of π / 2, of all sizes up to 2^20."""
    return [float((generator.randrange(1, 2 ** generator.randrange(1, 20))) * mp.pi / 2) for _ in range(COUNT)]


pi = float(mp.pi)
ln2 = float(mp.log(2))
half_integers = [float((n + mpf(1) / 2) * mp.log(2)) for n in (-1075, -1022, -54, -2, -1, 0, 1, 2, 52, 1023)]
angles = [
    *everywhere(-1074, 1023.9),
    *between(-4, 4),
    *between(-(2.0**20), 2.0**20),
    *near_multiples_of_half_pi(),
    *around(pi / 4, pi / 2, 3 * pi / 4, pi, 2.0**20),
    # The float64 that is closest to a multiple of π / 2 (J.-M. Muller, Elementary Functions, 11.3.2).
    6381956970095103.0 * 2.0**797,
]
exponents = both([*everywhere(-60, 9.4), *between(0, 2), *between(0, 40)]) + around(*half_integers)
UNARY = {
    "exp": (mp.exp, [*exponents, *between(-745.2, 709.7, 2), *around(709.782712893384, -708.4, -745.133)]),
    "exp2": (lambda x: mpf(2) ** x, [*exponents, *between(-1074.5, 1023.9, 2), *around(0.5, -0.5, 1.5, -1022.0, -1074.0)]),
    "expm1": (mp.expm1, [*both(everywhere(-1074, 9.4)), *between(-1, 1, 2), *between(-40, 710), *around(*half_integers)]),
    "sinh": (mp.sinh, [*both(everywhere(-1074, 9.4)), *between(-2, 2, 2), *between(-710, 710), *around(1, 22, 710.4758600739439)]),
    "cosh": (mp.cosh, [*both(everywhere(-60, 9.4)), *between(-2, 2, 2), *between(-710, 710), *around(ln2 / 2, ln2, 710.4758600739439)]),
    "tanh": (mp.tanh, [*both(everywhere(-1074, 5)), *between(-2, 2, 3), *around(0.75, -0.75, 19, 22)]),
    "logistic": (
        lambda x: mp.exp(x) / (1 + mp.exp(x)),
        [*exponents, *between(-3, 3), *between(-745.1, 40, 2), *around(0.0, -708.4, -745.133, 37)],
    ),
    "log": (mp.log, [*everywhere(signed=False), *between(0.5, 2, 4), *around(1, 0.5**0.5, 2**0.5, 2.0**-1022)]),
    "log1p": (
        mp.log1p,
        [*everywhere(high=-0.01), *everywhere(signed=False), *between(-0.999, 1, 2), *between(-0.4, 0.5, 2), *around(0.5**0.5 - 1, 2**0.5 - 1)],
    ),
    "asinh": (mp.asinh, [*everywhere(), *between(-3, 3, 4), *everywhere(-30, 30), *around(2.0**28, 0.3535533905932738)]),
    "acosh": (mp.acosh, [*everywhere(0, 1023.99, False), *between(1, 2, 3), *between(1, 1.01, 2), *around(2.0**28, 1.5), 1.0, 1 + 2.0**-52]),
    "atanh": (mp.atanh, [*everywhere(high=-0.001), *between(-1, 1, 4), *between(0.9, 0.9999999), 1 - 2.0**-53]),
    "sin": (mp.sin, angles),
    "cos": (mp.cos, angles),
    "tan": (mp.tan, angles),
    "asin": (mp.asin, [*everywhere(high=-0.001), *between(-1, 1, 4), *around(0.5, -0.5), 1.0, 1 - 2.0**-53]),
    "acos": (mp.acos, [*everywhere(high=-0.001), *between(-1, 1, 4), *around(0.5, -0.5), *between(0.99, 1), 1 - 2.0**-53, 2.0**-53 - 1]),
    "atan": (mp.atan, [*everywhere(), *between(-4, 4, 4), *around(1, 2**0.5 - 1, 2**0.5 + 1)]),
    "erf": (mp.erf, [*both(everywhere(-1074, 2.6)), *between(-1.2, 1.2, 2), *between(-6, 6, 2), *around(1, 5.9)]),
    "erfc": (mp.erfc, [*both(everywhere(-60, 4.7)), *between(-6, 6, 2), *between(0, 27.2, 3), *around(26.5, 27.2)]),
    "erfInv": (
        mp.erfinv,
        [*everywhere(high=-0.001), *between(-1, 1, 2), *[1 - x for x in everywhere(-53, -2, False)], *around(0.9966), 1 - 2.0**-53],
    ),
    "cbrt": (mp.cbrt, [*everywhere(signed=False), *between(0.5, 9, 3)]),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), [*everywhere(signed=False), *between(0.2, 5)]),
}


def power_points():
    """Exponents for which the power is a number, for bases of all magnitudes, near 1, and just beyond the format's range."""
    bases = [*everywhere(signed=False), *between(0.3, 3), *[1 + x for x in everywhere(-52, -3)]]
    pairs = [(x, generator.uniform(-1080, 1030) / float(mp.log(x, 2))) for x in bases if x != 1]
    few = [(x, y) for x in between(0.01, 100, 0.5) for y in (0.5, -0.5, 1 / 3, generator.uniform(-3, 3))]
    integers = [(-x, float(generator.randrange(-9, 10))) for x in between(0.1, 10)]
    return [(x, y) for x, y in [*pairs, *few, *integers] if abs(y) <= MAX and y != 0]


def angle_points():
    scattered = [(y, x * 2.0 ** generator.randrange(-20, 20)) for x, y in zip(between(-4, 4, 3), between(-4, 4, 3))]
    near = [(y, sign() * y * (1 + generator.uniform(-1, 1) * 2.0**-20)) for y in between(0.1, 10)]
    return [*scattered, *near, *zip(everywhere(), everywhere()), *zip(between(-3, 3, 0.5), everywhere(-300, 300))]


def logaddexp_points():
    scattered = list(zip(between(1, 100, 2), between(1, 100, 2)))
    close = [(x, x + generator.uniform(-40, 40)) for x in between(-700, 700, 2)]
    return [*scattered, *close, *zip(everywhere(-20, 300), everywhere(-20, 300))]


BINARY = {
    "pow": (mp.power, power_points()),
    "atan2": (mp.atan2, angle_points()),
    "logaddexp": (lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))), logaddexp_points()),
}

gamma_points = [
    *[x for x in everywhere(-1000, 900) if x > 0 or abs(x) < 200],
    *between(0.5, 8, 6),
    *between(1, 3, 2),
    *between(1.2, 1.5, 2),
    *between(-20, 20, 6),
    *around(0.5, 1, 1.24, 1.28, 1.4616321449683623, 2, 2.5, 3.5, 7.5, -0.5, -0.504083008264456, -2.4570247382208),
]

# After the others, whose random points come first.
UNARY |= {
    "lgamma": (lambda x: mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x))), gamma_points),
    "digamma": (mp.digamma, gamma_points),
}


def record(f, points):
    """Arguments, then the value, as float64, and its distance from the true one."""
    rows = []
    for point in points:
        exact = f(*map(mpf, point))
        value = float_of(exact)
        if not abs(value) <= MAX:
            continue
        distance = (exact - mpf(value)) / math.ulp(value)
        rows.append(struct.pack(f"<{len(point) + 1}db", *point, value, round(float(distance) * 200)))
    return base64.b64encode(b"".join(rows)).decode()


def main():
    recorded = {name: record(f, [(x,) for x in points]) for name, (f, points) in UNARY.items()}
    recorded |= {name: record(f, points) for name, (f, points) in BINARY.items()}
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "data" / "math64.json"
    target.write_text(json.dumps(recorded, indent=0) + "\n")


main()
