"""Derivatives of activations, the softmax family and losses."""

import numpy as np

from .nn import ACTIVATIONS


def record(r):
    for name in ACTIVATIONS:
        r.derivatives(f"nn.{name}", "a matrix", r.normal(2, 4, scale=2))
        r.derivatives(f"nn.{name}", "extremes", np.array([-100, -20, 20, 100], np.float32))
    r.derivatives("nn.gelu", "by erf", r.normal(6, scale=2), approximate=False)
    r.derivatives("nn.leakyRelu", "slope 0.2", r.normal(6), 0.2)
    r.derivatives("nn.glu", "last axis", r.normal(2, 4))
    for name in ["softmax", "logSoftmax", "logsumexp", "standardize"]:
        fn = f"nn.{name}"
        r.derivatives(fn, "last axis", r.normal(2, 3), axis=-1)
        r.derivatives(fn, "axis 0", r.normal(2, 3), axis=0)
        r.derivatives(fn, "float64", r.normal(2, 3, dtype=np.float64), axis=-1, x64=True)
    for name in ["softmax", "logSoftmax", "logsumexp"]:
        r.derivatives(f"nn.{name}", "large", np.array([[1000, 999, 0], [-1000, 0, 1000]], np.float32), axis=-1)
    r.derivatives("nn.logsumexp", "weights", r.normal(2, 3), axis=1, b=r.positive(2, 3))
    losses(r)


def losses(r):
    p, t = r.normal(2, 3), r.normal(2, 3)
    for name in ["squaredError", "l2Loss", "huberLoss", "logCosh", "cosineSimilarity", "cosineDistance"]:
        r.derivatives(f"optim.{name}", "predictions and targets", p, t, wrt=(0, 1))
    labels = np.array([[0.7, 0.3, 0], [0, 1, 0]], np.float32)
    index = np.array([2, 0], np.int32)
    extreme = np.array([[1000, -1000, 0], [-100, 100, 0]], np.float32)
    for what, logits in [("small", p), ("extreme", extreme)]:
        r.derivatives("optim.softmaxCrossEntropy", f"{what} logits", logits, labels)
        r.derivatives("optim.softmaxCrossEntropyWithIntegerLabels", f"{what} logits", logits, index)
        r.derivatives("optim.sigmoidBinaryCrossEntropy", f"{what} logits", logits, labels)
    r.derivatives("optim.sigmoidFocalLoss", "small logits", p, labels)
    r.derivatives("optim.polyLossCrossEntropy", "small logits", p, labels)
    r.derivatives("optim.hingeLoss", "both sides", np.array([0.5, -0.5, 2], np.float32), np.array([1, 1, -1], np.float32))
    log_p = np.log(np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32))
    r.derivatives("optim.klDivergence", "rows", log_p, labels)
