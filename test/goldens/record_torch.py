"""Records what PyTorch's normalisations give, values and gradients in float64, for test/nn/normalization.test.ts.

    venv/bin/pip install -r test/goldens/requirements-torch.txt
    venv/bin/python test/goldens/record_torch.py

Inputs have features last, as in Pullback; PyTorch has them second.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def array(x):
    return {"dtype": "float64", "shape": list(x.shape), "data": [float(v) for v in x.detach().contiguous().flatten()]}


def features_second(x):
    return x.movedim(-1, 1)


def features_last(x):
    return x.movedim(1, -1)


def case(name, layer, options, x, scale, bias, normalize, running=None, training=True):
    """The value, what a seed pulls back to, and the next running statistics: PyTorch's own."""
    leaves = [t.clone().requires_grad_() for t in (x, scale, bias)]
    state = None if running is None else [t.clone() for t in running]
    y = features_last(normalize(features_second(leaves[0]), state, leaves[1], leaves[2]))
    seed = torch.randn(y.shape)
    gradients = torch.autograd.grad(y, leaves, seed)
    recorded = {
        "name": name,
        "layer": layer,
        "options": options,
        "training": training,
        "x": array(x),
        "scale": array(scale),
        "bias": array(bias),
        "seed": array(seed),
        "y": array(y),
        "gradients": [array(g) for g in gradients],
    }
    if running is not None:
        recorded["state"] = {"mean": array(running[0]), "var": array(running[1])}
        recorded["next"] = {"mean": array(state[0]), "var": array(state[1])}
    return recorded


def parameters(features):
    return torch.rand(features) + 0.5, torch.randn(features)


def statistics(features):
    return torch.randn(features), torch.rand(features) + 0.5


def batch(name, shape, training, momentum=0.01, epsilon=1e-5):
    def normalize(x, state, scale, bias):
        return F.batch_norm(x, state[0], state[1], scale, bias, training, momentum, epsilon)

    options = {"momentum": 1 - momentum, "epsilon": epsilon}
    features = shape[-1]
    return case(
        name, "batchNorm", options, torch.randn(shape) * 3 + 1, *parameters(features), normalize, statistics(features), training
    )


def group(name, shape, groups, epsilon=1e-6):
    def normalize(x, _state, scale, bias):
        return F.group_norm(x, groups, scale, bias, epsilon)

    options = {"numGroups": groups, "epsilon": epsilon}
    return case(name, "groupNorm", options, torch.randn(shape) * 2 - 1, *parameters(shape[-1]), normalize)


def instance(name, shape, tracked=False, training=True, momentum=0.1, epsilon=1e-5):
    def normalize(x, state, scale, bias):
        mean, var = (None, None) if state is None else state
        return F.instance_norm(x, mean, var, scale, bias, training or not tracked, momentum, epsilon)

    options = {"epsilon": epsilon, "momentum": 1 - momentum, "trackRunningStats": tracked}
    features = shape[-1]
    running = statistics(features) if tracked else None
    return case(
        name, "instanceNorm", options, torch.randn(shape) * 2, *parameters(features), normalize, running, training
    )


CASES = [
    batch("of vectors", (6, 3), True),
    batch("of images", (3, 4, 5, 2), True, momentum=0.3, epsilon=1e-3),
    batch("of one spatial axis", (4, 5, 3), True, momentum=0.1),
    batch("of vectors, inference", (6, 3), False),
    batch("of images, inference", (2, 3, 4, 2), False),
    group("of images", (2, 3, 4, 6), 3),
    group("of one group", (2, 5, 4), 1, epsilon=1e-2),
    group("of a group for each feature", (3, 4, 2), 2),
    group("of vectors", (4, 6), 2),
    instance("of images", (2, 3, 4, 3)),
    instance("of one spatial axis", (3, 6, 2), epsilon=1e-3),
    instance("of images, tracked", (2, 3, 4, 3), tracked=True),
    instance("of images, tracked, inference", (2, 3, 4, 3), tracked=True, training=False),
]

if __name__ == "__main__":
    text = json.dumps({"torch": torch.__version__, "cases": CASES}, separators=(",", ":"))
    (HERE / "data" / "normalization.json").write_text(text + "\n")
    print(f"normalization: {len(CASES)} cases, {len(text) // 1024} KiB")
