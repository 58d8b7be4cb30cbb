"""Records what optax and Google's dp-accounting give: DP-SGD's gradients, and the epsilon of runs, into data/privacy.json.

    pip install optax==0.2.8 dp-accounting==0.6.0
    python test/interpret/record_privacy.py
"""

import json
import pathlib

import dp_accounting
import jax
import jax.numpy as jnp
import numpy as np
import optax
from dp_accounting import rdp

RUNS = [
    # sample rate, noise multiplier, steps, delta
    (0.01, 4.0, 10_000, 1e-5),  # Abadi et al. (2016), section 3.2
    (256 / 60_000, 1.1, 14_063, 1e-5),  # the tutorial of TensorFlow Privacy on MNIST, 60 epochs
    (250 / 60_000, 1.3, 3_600, 1e-5),
    (0.1, 0.7, 50, 1e-6),
    (1.0, 5.0, 20, 1e-5),
    (0.5, 12.0, 200, 1e-7),
    (0.001, 0.4, 500, 1e-5),
    (0.02, 30.0, 10, 0.1),
]
ORDERS = [1.1, 1.5, 2, 2.5, 4.3, 10.9, 16, 63, 256]


def accountant(q, sigma, steps, orders=None):
    event = dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma)) if q < 1 else dp_accounting.GaussianDpEvent(sigma)
    return (rdp.RdpAccountant(orders) if orders else rdp.RdpAccountant()).compose(event, steps)


def epsilons():
    for q, sigma, steps, delta in RUNS:
        epsilon, order = accountant(q, sigma, steps).get_epsilon_and_optimal_order(delta)
        one = accountant(q, sigma, 1, ORDERS)
        yield {
            "sampleRate": q, "noiseMultiplier": sigma, "steps": steps, "delta": delta,
            "epsilon": float(epsilon), "order": float(order),
            "divergences": [[a, float(r)] for a, r in zip(ORDERS, one._rdp) if np.isfinite(r)],
        }


def aggregates():
    rng = np.random.default_rng(0)
    for clip, noise in [(1.0, 1.1), (0.3, 0.0), (1e9, 0.5)]:
        gradients = {"b": rng.normal(size=(5, 3)).astype("float32"), "w": rng.normal(size=(5, 4, 3)).astype("float32")}
        gradients = {k: v * np.array([1, 0, 0.01, 3, 100], "float32").reshape(5, *[1] * (v.ndim - 1)) for k, v in gradients.items()}
        tx = optax.contrib.differentially_private_aggregate(clip, noise, jax.random.key(7))
        state = tx.init(None)
        steps = []
        for _ in range(2):
            updates, state = tx.update(jax.tree.map(jnp.asarray, gradients), state)
            steps.append({k: np.asarray(v).tolist() for k, v in updates.items()})
        _, clipped = optax.per_example_global_norm_clip(jax.tree.map(jnp.asarray, gradients), clip)
        yield {"clip": clip, "noise": noise, "gradients": {k: v.tolist() for k, v in gradients.items()}, "steps": steps, "clipped": int(clipped)}


data = {"runs": list(epsilons()), "aggregates": list(aggregates())}
path = pathlib.Path(__file__).parent / "data" / "privacy.json"
path.write_text(json.dumps(data) + "\n")
