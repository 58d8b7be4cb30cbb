"""Records functions and their first three derivatives from mpmath, for test/nn/tails.test.ts. See README.md.

    python test/goldens/record_tails.py

Points are float32 numbers in [-100, 100]. Derivatives are differences of numbers with so many digits that twice as many change nothing.
"""

import base64
import json
import pathlib
import struct

from mpmath import (
    acos, acosh, asin, asinh, atan, atanh, cosh, erf, erfc, erfinv, exp, expm1, log, log1p, mp, mpf, pi, sinh, sqrt, tan, tanh,
)

HERE = pathlib.Path(__file__).parent


def float32(x):
    return struct.unpack("<f", struct.pack("<f", float(x)))[0]


SIZES = [1e-10, 1e-5, 1e-3, 0.1, 0.3, 0.5, 0.9, 0.99, 1, 1.1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 17, 18, 20, 25, 30]
SIZES += [36, 40, 50, 60, 70, 80, 85, 87, 88, 90, 95, 100]
POINTS = sorted({float32(s * v) for s in (1, -1) for v in SIZES} | {0.0})


def logistic(x):
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))


def softplus(x):
    return log1p(exp(x)) if x < 0 else x + log1p(exp(-x))


def gelu(x):
    return x * logistic(2 * sqrt(2 / pi) * (x + mpf("0.044715") * x**3))


FUNCTIONS = {
    "sigmoid": logistic,
    "softplus": softplus,
    "logSigmoid": lambda x: -softplus(-x),
    "silu": lambda x: x * logistic(x),
    "tanh": tanh,
    "gelu": gelu,
    "geluErf": lambda x: x / 2 * erfc(-x / sqrt(mpf(2))),
    "softSign": lambda x: x / (1 + abs(x)),
    "elu": lambda x: x if x > 0 else expm1(x),
    "celu": lambda x: x if x > 0 else 2 * expm1(x / 2),
    "selu": lambda x: mpf(1.0507009873554805) * (x if x > 0 else mpf(1.6732632423543772) * expm1(x)),
    "mish": lambda x: x * tanh(softplus(x)),
    "squareplus": lambda x: 2 / (sqrt(x * x + 4) - x) if x < 0 else (x + sqrt(x * x + 4)) / 2,
    "log1mexp": lambda x: log(-expm1(-x)),
    "logaddexp": lambda x: softplus(x),
    "logCosh": lambda x: abs(x) + log1p(exp(-2 * abs(x))) - log(mpf(2)) if abs(x) > 1 else log(cosh(x)),
    "expm1": expm1,
    "log1p": log1p,
    "sinh": sinh,
    "cosh": cosh,
    "tan": tan,
    "arcsinh": asinh,
    "arccosh": acosh,
    "arctanh": atanh,
    "arcsin": asin,
    "arccos": acos,
    "arctan": atan,
    "erf": erf,
    "erfc": erfc,
    "erfInv": erfinv,
    "logit": lambda x: log(x / (1 - x)),
    "hypot": lambda x: sqrt(x * x + 1),
}
DOMAINS = {
    "log1mexp": (0, 200), "log1p": (-1, 200), "arccosh": (1, 200), "arctanh": (-1, 1), "arcsin": (-1, 1), "arccos": (-1, 1),
    "erfInv": (-1, 1), "logit": (0, 1),
}  # fmt: skip
# Where there is a kink at 0.
KINKED = {"softSign", "elu", "celu", "selu"}


def difference(f, x, order, digits):
    mp.dps = digits
    x = mpf(x)
    h = mpf(10) ** -(digits // (order + 3)) * (1 if x == 0 else min(1, abs(x)))
    if order == 0:
        return f(x)
    if order == 1:
        return (f(x + h) - f(x - h)) / (2 * h)
    if order == 2:
        return (f(x + h) - 2 * f(x) + f(x - h)) / (h * h)
    return (f(x + 2 * h) - 2 * f(x + h) + 2 * f(x - h) - f(x - 2 * h)) / (2 * h**3)


def derivative(f, x, order):
    digits = 100
    before = difference(f, x, order, digits)
    while True:
        digits *= 2
        now = difference(f, x, order, digits)
        if now != 0 and abs(now - before) <= mpf(10) ** -18 * abs(now):
            return float(now)
        if digits >= 800 and abs(now) < mpf(10) ** -330:
            return 0.0
        before = now


def encode(values):
    return base64.b64encode(struct.pack(f"<{len(values)}d", *values)).decode()


def record(name):
    low, high = DOMAINS.get(name, (-200, 200))
    points = [x for x in POINTS if low < x < high and not (x == 0 and name in KINKED)]
    f = FUNCTIONS[name]
    return {"x": encode(points), "derivatives": [encode([derivative(f, x, n) for x in points]) for n in range(4)]}


if __name__ == "__main__":
    cases = {}
    for name in FUNCTIONS:
        cases[name] = record(name)
        print(name, flush=True)
    (HERE / "data" / "tails.json").write_text(json.dumps(cases, indent=1) + "\n")
