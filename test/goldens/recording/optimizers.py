"""Trajectories of 20 steps on a noisy quadratic: the parameters after some of them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .encode import Call
from .recorder import to_jax

STEPS = 20
KEPT = [1, 2, 5, 10, 15, 20]


def record(r):
    shapes = {"b": (3,), "w": (4, 3)}
    tree = lambda make: {k: make(s) for k, s in shapes.items()}
    setup = {
        "params": tree(lambda s: r.normal(*s)),
        "curvature": tree(lambda s: r.positive(*s)),
        "target": tree(lambda s: r.normal(*s)),
        "noise": [tree(lambda s: r.normal(*s, scale=0.3)) for _ in range(STEPS)],
    }
    r.extra = {"setup": setup, "kept": KEPT}
    for what, optimizer in optimizers():
        r.add(f"trajectory: {what}", "trajectory", [optimizer], {}, trajectory(setup, to_jax(optimizer)))


def trajectory(setup, optimizer):
    params, curvature, target = (to_jax(setup[k]) for k in ["params", "curvature", "target"])
    state = optimizer.init(params)
    kept = []
    for step in range(STEPS):
        noise = to_jax(setup["noise"][step])
        gradient = jax.tree.map(lambda p, a, t, n: a * (p - t) + n, params, curvature, target, noise)
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        if step + 1 in KEPT:
            kept.append(params)
    return kept


def c(name, *args, **options):
    return Call(f"optim.{name}", *args, **options)


def optimizers():
    mask = {"b": False, "w": True}
    cosine = c("warmupCosineDecaySchedule", init_value=0.0, peak_value=0.1, warmup_steps=5, decay_steps=20)
    small = {"min_dim_size_to_factor": 2}
    yield from [
        ("sgd", c("sgd", 0.1)),
        ("momentum", c("sgd", 0.1, momentum=0.9)),
        ("nesterov", c("sgd", 0.1, momentum=0.9, nesterov=True)),
        ("sgd, cosine schedule", c("sgd", cosine)),
        ("adam", c("adam", 0.1)),
        ("adam, other constants", c("adam", 0.05, b1=0.8, b2=0.95, eps=1e-4, eps_root=1e-6)),
        ("adam, nesterov", c("adam", 0.1, nesterov=True)),
        ("adam, schedule", c("adam", cosine)),
        ("adamw", c("adamw", 0.1)),
        ("adamw, decay 0.1, mask", c("adamw", 0.1, weight_decay=0.1, mask=mask)),
        ("nadam", c("nadam", 0.1)),
        ("nadamw", c("nadamw", 0.1, weight_decay=0.05)),
        ("adamax", c("adamax", 0.1)),
        ("adamaxw", c("adamaxw", 0.1, weight_decay=0.05)),
        ("amsgrad", c("amsgrad", 0.1)),
        ("adabelief", c("adabelief", 0.1)),
        ("yogi", c("yogi", 0.1)),
        ("radam", c("radam", 0.1)),
        ("radam, low threshold", c("radam", 0.1, b2=0.9, threshold=3.0)),
        ("novograd", c("novograd", 0.1)),
        ("novograd, decay", c("novograd", 0.1, weight_decay=0.05)),
        ("rmsprop", c("rmsprop", 0.05)),
        ("rmsprop, momentum", c("rmsprop", 0.05, momentum=0.9)),
        ("rmsprop, nesterov, eps outside", c("rmsprop", 0.05, momentum=0.9, nesterov=True, eps_in_sqrt=False)),
        ("rmsprop, centered", c("rmsprop", 0.05, centered=True, initial_scale=1.0)),
        ("rmsprop, bias correction", c("rmsprop", 0.05, bias_correction=True)),
        ("adagrad", c("adagrad", 0.3)),
        ("adagrad, other constants", c("adagrad", 0.3, initial_accumulator_value=0.5, eps=1e-4)),
        ("adadelta", c("adadelta", 1.0)),
        ("adadelta, decay", c("adadelta", 1.0, rho=0.8, eps=1e-3)),
        ("lion", c("lion", 0.05)),
        ("lion, decay, mask", c("lion", 0.05, weight_decay=0.1, mask=mask)),
        ("lamb", c("lamb", 0.1)),
        ("lamb, decay", c("lamb", 0.1, weight_decay=0.1)),
        ("lars", c("lars", 1.0, weight_decay=0.01)),
        ("lars, trust 0.1, nesterov", c("lars", 0.5, trust_coefficient=0.1, nesterov=True, eps=1e-3)),
        ("adafactor, not factored", c("adafactor", 0.1)),
        ("adafactor, factored", c("adafactor", 0.1, **small)),
        ("adafactor, momentum", c("adafactor", 0.1, momentum=0.9, **small)),
        ("adafactor, no parameter scale", c("adafactor", 0.1, multiply_by_parameter_scale=False, **small)),
        ("adafactor, weight decay", c("adafactor", 0.1, weight_decay_rate=0.01, clipping_threshold=None, **small)),
        ("signSgd", c("signSgd", 0.05)),
        ("fromage", c("fromage", 0.1)),
    ]
    step = c("scale", -0.1)
    yield from [
        ("clip", c("chain", c("clip", 0.5), step)),
        ("clipByBlockRms", c("chain", c("clipByBlockRms", 0.5), step)),
        ("clipByGlobalNorm", c("chain", c("clipByGlobalNorm", 0.5), step)),
        ("adaptiveGradClip", c("chain", c("adaptiveGradClip", 0.1), step)),
        ("centralize", c("chain", c("centralize"), step)),
        ("normalizeByUpdateNorm", c("chain", c("normalizeByUpdateNorm", scale_factor=2.0), step)),
        ("scaleByTrustRatio", c("chain", c("scaleByTrustRatio"), step)),
        ("scaleByParamBlockNorm", c("chain", c("scaleByParamBlockNorm"), step)),
        ("scaleByParamBlockRms", c("chain", c("scaleByParamBlockRms"), step)),
        ("keepParamsNonnegative", c("chain", step, c("keepParamsNonnegative"))),
        ("ema", c("chain", c("ema", 0.9), step)),
        ("ema, not debiased", c("chain", c("ema", 0.9, debias=False), step)),
        ("trace", c("chain", c("trace", 0.9, nesterov=True), step)),
        ("addDecayedWeights, mask", c("chain", c("addDecayedWeights", 0.1, mask=mask), step)),
        ("three in a chain", c("chain", c("clipByGlobalNorm", 1.0), c("scaleByAdam"), c("addDecayedWeights", 0.01), c("scale", -0.05))),
        ("masked", c("chain", c("masked", c("scaleByAdam"), mask), step)),
        ("multiTransform", c("multiTransform", {"a": c("adam", 0.1), "s": c("sgd", 0.05)}, {"b": "s", "w": "a"})),
        ("applyEvery", c("chain", c("sgd", 0.1), c("applyEvery", 4))),
        ("multiSteps of 4", c("multiSteps", c("adam", 0.1), 4)),
        ("applyIfFinite", c("applyIfFinite", c("adam", 0.1), 2)),
        ("setToZero", c("setToZero")),
    ]
