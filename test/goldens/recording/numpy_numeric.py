"""Order, counts, statistics, differences, polynomials, special functions, floats and bits."""

import jax.numpy as jnp
import numpy as np

from .composites import composites

NAN, INF = np.nan, np.inf


def full_fit(c, residuals, rank, singular_values, rcond):
    return [c, residuals, rank.astype(jnp.int32), singular_values, rcond]


composites |= {
    "numeric.gradient": lambda f, *spacings, **options: jnp.gradient(f, *spacings, **options),
    "numeric.gradientOfSquares": lambda f, h: jnp.gradient(f**2, h),
    "numeric.sumOfQuantiles": lambda x: jnp.quantile(x, jnp.array([0.1, 0.6])).sum(),
    "numeric.quotient": lambda p, q: jnp.polydiv(p, q)[0],
    "numeric.histogram": lambda x, **options: list(jnp.histogram(x, **options)),
    "numeric.histogram2d": lambda x, y, **options: list(jnp.histogram2d(x, y, **options)),
    "numeric.histogramdd": lambda x, **options: list(jnp.histogramdd(x, **options)),
    "numeric.fullFit": lambda x, y, deg, **options: full_fit(*jnp.polyfit(x, y, deg, full=True, **options)),
    "numeric.fitWithCovariance": lambda x, y, deg, **options: list(jnp.polyfit(x, y, deg, **options)),
    "numeric.mantissa": lambda x: jnp.frexp(x)[0],
    "numeric.weightedAverage": lambda x, w: jnp.average(x, weights=w),
    "numeric.interpValues": lambda fp, x, xp: jnp.interp(x, xp, fp),
    "numeric.trapezoidAt": lambda y, x: jnp.trapezoid(y, x=x),
}


def record(r):
    order(r)
    quantiles(r)
    without_nan(r)
    statistics(r)
    counts(r)
    differences(r)
    polynomials(r)
    vectors(r)
    special(r)
    floats(r)
    bits(r)
    fits(r)


def order(r):
    x = r.normal(3, 4)
    ties = r.integers(8, low=0, high=4)
    odd = np.array([2, NAN, -INF, 0, INF, -1], np.float32)
    for what, a, options in [
        ("the last axis", x, {}), ("axis 0", x, {"axis": 0}), ("everything", x, {"axis": None}), ("NaN", odd, {}),
        ("descending", x, {"descending": True}), ("NaN, descending", odd, {"descending": True}),
        ("ties", ties, {}), ("ties, descending", ties, {"descending": True}), ("bools", ties > 1, {}),
        ("16 bits", x.astype(np.float16), {}), ("bytes", ties.astype(np.uint8), {}),
    ]:  # fmt: skip
        r.case("np.sort", what, a, tol=0, **options)
        r.case("np.argsort", what, a, tol=0, **options)
    r.derivatives("np.sort", "a matrix", x)
    r.derivatives("np.sort", "descending", x, descending=True, axis=0)
    r.case("np.lexsort", "two keys", [r.integers(6, low=0, high=3), ties[:6]], tol=0)
    r.case("np.lexsort", "along axis 0", [r.integers(4, 2, low=0, high=3), r.integers(4, 2, low=0, high=2)], axis=0, tol=0)
    steps = np.array([-1, 0, 0, 2, 5], np.float32)
    wanted = np.array([[-3, -1, 0], [1, 5, 9]], np.float32)
    for side in ["left", "right"]:
        r.case("np.searchsorted", side, steps, wanted, side=side)
        r.case("np.searchsorted", f"{side}, integers", ties[np.argsort(ties)], np.array([0, 2, 3, 7], np.int32), side=side)
        r.case("np.searchsorted", f"{side}, NaN", np.array([0, 1, NAN], np.float32), np.array([NAN, 2, 0.5, INF], np.float32), side=side)
    r.case("np.searchsorted", "a sorter", np.array([3, 1, 2], np.float32), wanted, sorter=np.array([1, 2, 0], np.int32))
    r.case("np.searchsorted", "nothing", np.zeros(0, np.float32), wanted)
    for right in [False, True]:
        r.case("np.digitize", f"ascending, right {right}", wanted, steps, right=right)
        r.case("np.digitize", f"descending, right {right}", wanted, steps[::-1].copy(), right=right)
    r.case("lax.topK", "3 of a matrix", x, 3, tol=0)
    r.case("lax.topK", "ties", ties, 5, tol=0)


def quantiles(r):
    x = r.normal(3, 5)
    holes = x.copy()
    holes[0, 1] = holes[2, :4] = NAN
    for method in ["linear", "lower", "higher", "midpoint", "nearest"]:
        r.case("np.quantile", method, x, 0.37, axis=1, method=method)
        r.case("np.nanquantile", method, holes, 0.37, axis=1, method=method)
        r.derivatives("np.quantile", method, x, 0.37, axis=1, method=method)
    q = np.array([0, 0.25, 1], np.float32)
    for name in ["quantile", "nanquantile"]:
        r.case(f"np.{name}", "several", x, q, axis=0)
        r.case(f"np.{name}", "everything", x, q)
        r.case(f"np.{name}", "two axes, keepdims", r.normal(2, 3, 2), q, axis=[0, 2], keepdims=True)
        r.case(f"np.{name}", "NaN", holes, 0.5, axis=1, keepdims=True)
    r.case("np.percentile", "several", x, np.array([10, 90], np.float32), axis=1)
    r.case("np.percentile", "integers", r.integers(7), 30)
    r.case("np.nanpercentile", "NaN", holes, 75, axis=1)
    r.case("np.nanpercentile", "nothing but NaN", np.full((2, 2), NAN, np.float32), 75, axis=1)
    for name in ["median", "nanmedian"]:
        r.case(f"np.{name}", "axis 0", x, axis=0)
        r.case(f"np.{name}", "an even number", x[:, :4])
        r.case(f"np.{name}", "NaN", holes, axis=1)
        r.derivatives(f"np.{name}", "axis 1", x[:, :4], axis=1)
    r.derivatives("np.nanmedian", "NaN", holes[:2], axis=1)
    r.derivatives("np.quantile", "q too", x, np.float32(0.3), wrt=(0, 1))
    r.hessian("numeric.sumOfQuantiles", "a vector", r.normal(5))


def without_nan(r):
    x = r.normal(3, 4)
    x[0, 1] = x[1, 2] = NAN
    x[2] = NAN
    for name in ["nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd", "nancumsum", "nancumprod"]:
        r.case(f"np.{name}", "everything", x)
        r.case(f"np.{name}", "axis 1", x, axis=1)
        r.case(f"np.{name}", "no NaN", r.normal(4))
    for name in ["nansum", "nanmean", "nanmax", "nanvar"]:
        r.case(f"np.{name}", "keepdims", x, axis=0, keepdims=True)
    for name in ["nansum", "nanmean", "nancumsum", "nanprod"]:
        r.derivatives(f"np.{name}", "axis 1", x[:2], axis=1)
    for name in ["nanmax", "nanmin", "nanvar", "nanstd"]:
        r.derivatives(f"np.{name}", "axis 1", x[:2], axis=1)
    r.case("np.nanvar", "ddof", x, axis=1, ddof=2)
    r.case("np.nanstd", "ddof", x[:2], axis=1, ddof=1)
    r.case("np.nanmax", "integers", r.integers(4))
    for name in ["nanargmax", "nanargmin"]:
        r.case(f"np.{name}", "axis 1", x, axis=1)
        r.case(f"np.{name}", "everything", x)
        r.case(f"np.{name}", "integers", r.integers(4))
    odd = np.array([NAN, INF, -INF, 2], np.float32)
    r.case("np.nanToNum", "defaults", odd)
    r.case("np.nanToNum", "given", odd, nan=1.5, posinf=7, neginf=-8)
    r.case("np.nanToNum", "float64", odd.astype(np.float64), x64=True)
    r.case("np.nanToNum", "16 bits", odd.astype(np.float16))
    r.derivatives("np.nanToNum", "odd numbers", odd)


def statistics(r):
    x, w = r.normal(3, 4), r.positive(3, 4)
    r.case("np.average", "everything", x)
    r.case("np.average", "weights", x, weights=w)
    r.case("np.average", "weights along an axis", x, axis=1, weights=r.positive(4))
    r.case("np.average", "keepdims", x, axis=0, weights=w, keepdims=True)
    r.derivatives("numeric.weightedAverage", "both", x, w, wrt=(0, 1))
    r.case("np.ptp", "everything", x)
    r.case("np.ptp", "axis 1", x, axis=1, keepdims=True)
    r.derivatives("np.ptp", "axis 0", x, axis=0)
    f64 = {"x64": True, "tol": 1e-12}
    x = x.astype(np.float64)
    y = r.normal(4, dtype=np.float64)
    r.case("np.cov", "a matrix", x, **f64)
    r.case("np.cov", "columns", x, rowvar=False, **f64)
    r.case("np.cov", "one variable", y, **f64)
    r.case("np.cov", "two", x, y=r.normal(2, 4, dtype=np.float64), **f64)
    r.case("np.cov", "bias", x, bias=True, **f64)
    r.case("np.cov", "ddof", x, ddof=2, **f64)
    r.case("np.cov", "frequencies", x, fweights=np.array([1, 2, 3, 1], np.int32), **f64)
    r.case("np.cov", "weights", x, aweights=np.array([0.5, 1, 2, 1]), **f64)
    r.case("np.cov", "both", x, fweights=np.array([1, 2, 3, 1], np.int32), aweights=np.array([0.5, 1, 2, 1]), **f64)
    r.derivatives("np.cov", "a matrix", x, **f64)
    r.case("np.corrcoef", "a matrix", x, **f64)
    r.case("np.corrcoef", "two", y, y=r.normal(4, dtype=np.float64), **f64)
    r.derivatives("np.corrcoef", "a matrix", x[:2, :3], x64=True, tol=1e-10)


def counts(r):
    n = r.integers(8, low=-1, high=5)
    r.case("np.bincount", "integers", n)
    r.case("np.bincount", "minlength", n, minlength=7)
    r.case("np.bincount", "length", n, length=3)
    r.case("np.bincount", "weights", n, weights=r.normal(8))
    r.case("np.bincount", "nothing", n[:0], minlength=2)
    x = r.normal(12)
    r.case("numeric.histogram", "defaults", x)
    r.case("numeric.histogram", "4 bins", x, bins=4)
    r.case("numeric.histogram", "a range", x, bins=3, range=[-1.0, 1.0])
    r.case("numeric.histogram", "edges", x, bins=np.array([-2, -0.5, 0, 1], np.float32))
    r.case("numeric.histogram", "density", x, bins=4, density=True)
    r.case("numeric.histogram", "weights", x, bins=4, weights=r.positive(12))
    r.case("numeric.histogram", "equal elements", np.ones(3, np.float32), bins=2)
    r.case("np.histogramBinEdges", "integers", r.integers(6), bins=3)
    r.case("numeric.histogram2d", "bins", x, r.normal(12), bins=3)
    r.case("numeric.histogram2d", "density", x, r.normal(12), bins=[2, 3], density=True)
    r.case("numeric.histogramdd", "three variables", r.normal(9, 3), bins=2)
    r.case("numeric.histogramdd", "ranges", r.normal(9, 2), bins=[2, 4], range=[[-1.0, 1.0], [-0.5, 2.0]])
    r.case("np.countNonzero", "everything", n)
    r.case("np.countNonzero", "axis 1", r.integers(3, 4, low=0, high=2), axis=1, keepdims=True)


def differences(r):
    x = r.normal(3, 5)
    r.case("np.diff", "the last axis", x)
    r.case("np.diff", "twice, axis 0", x, n=2, axis=0)
    r.case("np.diff", "more often than there are elements", r.normal(2), n=3)
    r.case("np.diff", "not at all", x, n=0)
    r.case("np.diff", "a number before, numbers after", x, prepend=1.0, append=r.normal(3, 2))
    r.case("np.diff", "bools", np.array([True, True, False]))
    r.derivatives("np.diff", "twice", x, n=2)
    r.case("np.ediff1d", "a matrix", x)
    r.case("np.ediff1d", "ends", x, to_end=np.float32(9), to_begin=r.normal(2))
    r.derivatives("np.ediff1d", "a vector", r.normal(4))
    places = np.array([0, 0.5, 2, 3, 7], np.float32)
    r.case("numeric.gradient", "a vector", r.normal(5))
    r.case("numeric.gradient", "two axes", x)
    r.case("numeric.gradient", "one axis", x, axis=1)
    r.case("numeric.gradient", "a distance", x, 0.5)
    r.case("numeric.gradient", "distances", x, 0.5, 2.0)
    r.case("numeric.gradient", "two points", r.normal(2), 0.5)
    r.derivatives("numeric.gradientOfSquares", "a vector", r.normal(5), np.float32(0.5), wrt=(0, 1))
    r.case("np.trapezoid", "a vector", r.normal(5))
    r.case("np.trapezoid", "axis 0, a distance", x, dx=0.25, axis=0)
    r.case("np.trapezoid", "places", x, x=places)
    r.case("np.trapezoid", "places of each", x, x=np.cumsum(np.abs(x), 1))
    r.case("np.trapezoid", "integers", r.integers(4))
    r.derivatives("numeric.trapezoidAt", "both", x, places, wrt=(0, 1))
    values = r.normal(5)
    at = np.array([[-1, 0, 0.3], [2, 6.5, 9]], np.float32)
    r.case("np.interp", "inside and outside", at, places, values)
    r.case("np.interp", "ends given", at, places, values, left=-5.0, right=5.0)
    r.case("np.interp", "ends extrapolated", at, places, values, left="extrapolate", right="extrapolate")
    r.case("np.interp", "a period", at, places[::-1].copy(), values, period=8.0)
    r.case("np.interp", "one point", at, places[:1], values[:1])
    r.derivatives("np.interp", "places", np.array([0.3, 2.5, 9, -1], np.float32), places, values)
    r.derivatives("numeric.interpValues", "values", values, at, places)
    angles = np.array([0, 2, 4, 6, 8.5, 1, -3, 10], np.float32)
    r.case("np.unwrap", "angles", np.mod(angles, np.float32(2 * np.pi)))
    r.case("np.unwrap", "a period", angles, period=3.0)
    r.case("np.unwrap", "a large discontinuity", angles, discont=5.0)
    r.case("np.unwrap", "an axis", np.stack([angles, -angles]), axis=0)
    r.derivatives("np.unwrap", "angles", angles)


def polynomials(r):
    f64 = {"x64": True, "tol": 1e-12}
    p, q = r.normal(4, dtype=np.float64), r.normal(3, dtype=np.float64)
    x = r.normal(2, 3, dtype=np.float64)
    r.case("np.polyval", "a matrix of places", p, x, **f64)
    r.case("np.polyval", "integers", r.integers(3), r.integers(4))
    r.derivatives("np.polyval", "both", p, x, wrt=(0, 1), **f64)
    for name in ["polyadd", "polysub", "polymul"]:
        r.case(f"np.{name}", "two", p, q, **f64)
        r.case(f"np.{name}", "turned", q, p, **f64)
        r.derivatives(f"np.{name}", "both", p, q, wrt=(0, 1), **f64)
    r.case("np.polydiv", "two", p, q, **f64)
    r.case("np.polydiv", "no quotient", q, p, **f64)
    r.derivatives("numeric.quotient", "both", p, q, wrt=(0, 1), **f64)
    for m in [0, 1, 2, 4]:
        r.case("np.polyder", f"{m}", p, m, **f64)
    for m in [0, 1, 3]:
        r.case("np.polyint", f"{m}", p, m, **f64)
    r.case("np.polyint", "constants", p, 2, k=np.array([1.0, 2.0]), **f64)
    r.derivatives("np.polyint", "twice", p, 2, **f64)
    r.derivatives("np.polyder", "once", p, 1, **f64)
    r.case("np.poly", "zeros", q, **f64)
    r.case("np.poly", "none", q[:0], **f64)
    r.derivatives("np.poly", "zeros", q, **f64)
    r.case("np.vander", "square", q, **f64)
    r.case("np.vander", "increasing", q, 4, increasing=True, **f64)
    r.derivatives("np.vander", "four", q, 4, **f64)
    places, values = np.linspace(0, 3, 7), r.normal(7, dtype=np.float64)
    r.case("np.polyfit", "degree 2", places, values, 2, x64=True, tol=1e-9)
    r.case("np.polyfit", "two", places, r.normal(7, 2, dtype=np.float64), 3, x64=True, tol=1e-9)
    r.case("np.polyfit", "weights", places, values, 1, w=r.positive(7, dtype=np.float64), x64=True, tol=1e-9)


def fits(r):
    """What `polyfit` tells of its solutions."""
    f64 = {"x64": True, "tol": 1e-9}
    x, y, w = np.linspace(0, 3, 7), r.normal(7, dtype=np.float64), r.positive(7, dtype=np.float64)
    columns = r.normal(7, 2, dtype=np.float64)
    for what, values, options in [("a vector", y, {}), ("columns", columns, {}), ("weights", y, {"w": w})]:
        r.case("numeric.fullFit", what, x, values, 2, **options, **f64)
        r.case("numeric.fitWithCovariance", what, x, values, 2, cov=True, **options, **f64)
        r.case("numeric.fitWithCovariance", f"{what}, unscaled", x, values, 2, cov="unscaled", **options, **f64)
    r.case("numeric.fullFit", "a threshold", x, y, 3, rcond=0.1, **f64)
    r.case("numeric.fullFit", "float32", x.astype(np.float32), y.astype(np.float32), 1, tol=1e-5)
    r.derivatives("numeric.fitWithCovariance", "values", x, y, 1, wrt=(1,), cov=True, **f64)


def vectors(r):
    f64 = {"x64": True, "tol": 1e-12}
    a, b = r.normal(6, dtype=np.float64), r.normal(4, dtype=np.float64)
    for mode in ["full", "same", "valid"]:
        for name in ["convolve", "correlate"]:
            r.case(f"np.{name}", mode, a, b, mode=mode, **f64)
            r.case(f"np.{name}", f"{mode}, turned", b, a, mode=mode, **f64)
            r.case(f"np.{name}", f"{mode}, three", a, b[:3], mode=mode, **f64)
    r.case("np.convolve", "integers", r.integers(4), r.integers(3))
    r.derivatives("np.convolve", "both", a, b, wrt=(0, 1), **f64)
    r.derivatives("np.correlate", "both", a, b, wrt=(0, 1), mode="same", **f64)
    for name in ["bartlett", "hanning", "hamming", "blackman"]:
        for n in [0, 1, 2, 7]:
            r.case(f"np.{name}", f"{n}", n)
    for n in [1, 8]:
        r.case("np.kaiser", f"{n}", n, 3.5)
    for name in ["cumulativeSum", "cumulativeProd"]:
        r.case(f"np.{name}", "a vector", a, **f64)
        r.case(f"np.{name}", "with the first", r.normal(2, 3, dtype=np.float64), axis=1, include_initial=True, **f64)
    r.derivatives("np.cumulativeSum", "with the first", a, include_initial=True, **f64)
    r.case("lax.cumlogsumexp", "a vector", a, **f64)
    r.case("lax.cumlogsumexp", "reversed, axis 1", r.normal(2, 5, dtype=np.float64, scale=100), 1, reverse=True, **f64)
    r.case("lax.cumlogsumexp", "large", np.array([1000, 1000, -INF, 2000]), **f64)
    r.derivatives("lax.cumlogsumexp", "a vector", a, **f64)


def special(r):
    f64 = {"x64": True, "tol": 1e-12}
    x = np.array([-3.5, -1, -0.2, -1e-3, 0, 1e-9, 0.1, 0.5, 1, 2.25, 7])
    r.case("np.sinc", "float64", x, **f64)
    r.case("np.sinc", "float32", x.astype(np.float32))
    r.derivatives("np.sinc", "float64", x, **f64)
    wide = np.array([-700, -30, -19.9, -3, 0, 0.1, 1, 8, 20, 20.1, 150, 700])
    r.case("np.i0", "float64", wide, x64=True, tol={"rtol": 1e-13, "atol": 0})
    r.case("np.i0", "float32", wide[1:-2].astype(np.float32))
    r.derivatives("np.i0", "float64", wide[2:8], **f64)
    odd = np.array([-INF, -2, -0.0, 0, 3, INF, NAN], np.float32)
    r.case("np.heaviside", "a half", odd, 0.5)
    r.case("np.heaviside", "integers", r.integers(4), np.int32(1))
    a, b = r.normal(2, 3), r.normal(3)
    r.case("np.logaddexp2", "two", a, b)
    r.case("np.logaddexp2", "large", np.float32(500), np.float32(500))
    r.derivatives("np.logaddexp2", "both", a, b, wrt=(0, 1))
    for name in ["deg2rad", "rad2deg"]:
        r.case(f"np.{name}", "floats", a)
        r.case(f"np.{name}", "integers", r.integers(3))
        r.derivatives(f"np.{name}", "floats", a)
    for name in ["fmax", "fmin"]:
        r.case(f"np.{name}", "NaN", odd[:, None], odd[3:], tol=0)
        r.case(f"np.{name}", "integers", r.integers(4), r.integers(4))
        r.derivatives(f"np.{name}", "both", a, b, wrt=(0, 1))
    for what, u, v in [("floats", r.normal(6, scale=9), r.normal(6)), ("integers", r.integers(6, low=-20, high=20), np.array([3, -3, 7, -7, 1, 5], np.int32))]:
        r.case("np.fmod", what, u, v)
        r.case("np.divmod", what, u, v)
    r.case("np.fmod", "negative divisors", np.array([7, -7, 7, -7, 6], np.float32), np.array([3, 3, -3, -3, -3], np.float32))
    r.case("np.floatPower", "integers", np.array([2, 3], np.int32), np.array([-1, 2], np.int32))
    r.case("np.floatPower", "floats", r.positive(3), r.normal(3))
    r.case("np.rint", "floats", np.array([-1.5, -0.5, 0.5, 1.2, 2.5], np.float32), tol=0)
    r.case("np.rint", "integers", r.integers(3))
    r.case("np.positive", "floats", a)
    r.case("np.positive", "integers", r.integers(3))
    for name in ["isposinf", "isneginf"]:
        r.case(f"np.{name}", "odd numbers", odd)
        r.case(f"np.{name}", "integers", r.integers(3))


def floats(r):
    odd = np.array([-INF, -2.5, -0.0, 0, 3.25, INF, NAN], np.float32)
    small = np.array([1e-40, -3e-45, 2.0**-126, 2.0**127, -(2.0**-10), 1, 0.5, 3e38], np.float32)
    r.case("np.signbit", "odd numbers", odd[:-1])
    r.case("np.signbit", "float64", odd[:-1].astype(np.float64), x64=True)
    r.case("np.signbit", "integers", r.integers(3))
    r.case("np.copysign", "every pair", odd[:-1, None], odd[:-1], tol=0)
    r.case("np.copysign", "integers", r.integers(3), r.integers(3))
    r.derivatives("np.copysign", "both", np.array([1, -2, 3], np.float32), np.array([-1, -2, 0.5], np.float32), wrt=(0, 1))
    r.case("np.nextafter", "floats", np.array([0, 1, -1, 1], np.float32), np.array([1, 2, 0, 1], np.float32), tol=0)
    r.case("np.nextafter", "float64", np.array([0, 1.0]), np.array([-1, 0.0]), x64=True, tol=0)
    r.case("np.spacing", "floats", np.array([1, -2, 1000, 0.1, INF], np.float32), tol=0)
    r.case("np.spacing", "float64", np.array([1, -3.0]), x64=True, tol=0)
    r.case("np.modf", "floats", odd[[0, 1, 3, 4, 5]], tol=0)
    r.case("np.modf", "more", r.normal(5, scale=20))
    r.case("np.frexp", "floats", np.array([1, -2.5, 0, 0.3, 1e30, -1e-30, INF, 4], np.float32), tol=0)
    r.case("np.frexp", "float64", np.array([1e300, -1e-300, 6.5]), x64=True, tol=0)
    r.derivatives("numeric.mantissa", "floats", np.array([3, -0.3, 100], np.float32), modes=("jvp",))
    r.case("np.ldexp", "floats", np.array([0.5, -3, 0, 1], np.float32), np.array([3, -2, 100, -126], np.int32), tol=0)
    r.case("np.ldexp", "beyond", np.array([1, 1, INF], np.float32), np.array([500, -500, -3], np.int32), tol=0)
    r.case("np.ldexp", "float64", np.array([1.5, 1.5]), np.array([1000, -1000], np.int32), x64=True, tol=0)
    r.derivatives("np.ldexp", "floats", np.array([0.5, -3], np.float32), np.array([3, -2], np.int32))


def bits(r):
    a, b = r.integers(6, low=-100, high=100), r.integers(6, low=-100, high=100)
    u = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    for name in ["bitwiseAnd", "bitwiseOr", "bitwiseXor"]:
        r.case(f"np.{name}", "int32", a, b)
        r.case(f"np.{name}", "uint32", u, u[::-1].copy())
        r.case(f"np.{name}", "bools", a > 0, b > 0)
    r.case("np.invert", "int32", a)
    r.case("np.invert", "uint32", u)
    r.case("np.invert", "bools", a > 0)
    for name in ["leftShift", "rightShift"]:
        r.case(f"np.{name}", "int32", a, np.array([0, 1, 2, 5, 30, 31], np.int32))
        r.case(f"np.{name}", "uint32", u, np.array([1, 3, 31, 4], np.uint32))
    r.case("np.bitwiseCount", "int32", np.array([0, -1, 7, -(2**31), 2**31 - 1], np.int32))
    r.case("np.bitwiseCount", "uint32", u)
    some = r.integers(3, 11, low=0, high=2)
    for order in ["big", "little"]:
        r.case("np.packbits", order, some, bitorder=order)
        r.case("np.packbits", f"{order}, axis 1", some, axis=1, bitorder=order)
        bytes_ = r.integers(2, 3, low=0, high=256, dtype=np.uint8)
        r.case("np.unpackbits", order, bytes_, bitorder=order)
        r.case("np.unpackbits", f"{order}, axis 1", bytes_, axis=1, bitorder=order)
    r.case("np.unpackbits", "so many", bytes_, axis=1, count=10)
    r.case("np.unpackbits", "without so many", bytes_, axis=0, count=-3)
    r.case("np.unpackbits", "more", bytes_, axis=0, count=20)
    c, d = np.array([12, 0, 0, -18, 7, 100], np.int32), np.array([18, 5, 0, 12, 13, -75], np.int32)
    r.case("np.gcd", "int32", c, d)
    r.case("np.gcd", "uint32", np.array([2**31, 30], np.uint32), np.array([2**30, 105], np.uint32))
    r.case("np.lcm", "int32", c, d)
    r.case("np.lcm", "broadcast", c, np.int32(4))
