"""optax's losses."""

import numpy as np


def record(r):
    regression(r)
    classification(r)


def regression(r):
    p, t = r.normal(2, 3), r.normal(2, 3)
    far = np.array([100, -50, 0, 0.5, 1, -1], np.float32)
    zeros = np.zeros((6,), np.float32)
    for name in ["squaredError", "l2Loss", "huberLoss", "logCosh"]:
        fn = f"optim.{name}"
        r.case(fn, "predictions and targets", p, t)
        r.case(fn, "far and near", far, zeros)
        r.case(fn, "a broadcast target", p, r.normal(3) if name in ("huberLoss", "logCosh") else r.normal(2, 3))
        r.case(fn, "float64", r.normal(4, dtype=np.float64), r.normal(4, dtype=np.float64), x64=True)
    r.case("optim.squaredError", "no targets", p)
    r.case("optim.l2Loss", "no targets", p)
    r.case("optim.logCosh", "no targets", p)
    r.case("optim.huberLoss", "delta 0.5", far, zeros, delta=0.5)
    r.case("optim.cosineSimilarity", "rows", p, t)
    r.case("optim.cosineSimilarity", "a row of zeros with epsilon", np.zeros((1, 3), np.float32), p, epsilon=1e-3)
    r.case("optim.cosineSimilarity", "axis 0", p, t, axis=0)
    r.case("optim.cosineDistance", "rows", p, t)


def classification(r):
    logits = r.normal(3, 4, scale=2)
    labels = np.array([[0.7, 0.1, 0.1, 0.1], [0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25]], np.float32)
    extreme = np.array([[1000, -1000, 0, 0], [-100, 100, 0, 0], [50, 0, -50, 0]], np.float32)
    index = np.array([0, 3, 1], np.int32)
    mask = np.array([[True, True, True, False], [True, True, False, True], [True, True, True, True]])
    r.case("optim.softmaxCrossEntropy", "soft and hard labels", logits, labels)
    r.case("optim.softmaxCrossEntropy", "extreme logits", extreme, labels)
    r.case("optim.softmaxCrossEntropy", "axis 0", logits, labels, axis=0)
    r.case("optim.softmaxCrossEntropy", "where", logits, labels, where=mask)
    fn = "optim.softmaxCrossEntropyWithIntegerLabels"
    r.case(fn, "rows", logits, index)
    r.case(fn, "extreme logits", extreme, index)
    r.case(fn, "axis 0", logits, np.array([0, 2, 1, 1], np.int32), axis=0)
    r.case(fn, "one row", logits[0], np.int32(2))
    r.case(fn, "where", logits, np.array([0, 3, 1], np.int32), where=mask)
    r.case(fn, "rank 3", r.normal(2, 2, 3), np.array([[0, 2], [1, 1]], np.int32))
    flat = np.array([0, 1, -1, 3, -20, 100, -1000], np.float32)
    bits = np.array([1, 0, 1, 0.3, 0, 1, 1], np.float32)
    r.case("optim.sigmoidBinaryCrossEntropy", "soft and hard labels", flat, bits)
    r.case("optim.sigmoidBinaryCrossEntropy", "float64", flat.astype(np.float64), bits.astype(np.float64), x64=True)
    r.case("optim.sigmoidFocalLoss", "default", flat[:6], bits[:6])
    r.case("optim.sigmoidFocalLoss", "alpha 0.25", flat[:6], np.round(bits[:6]), alpha=0.25)
    r.case("optim.sigmoidFocalLoss", "gamma 1", flat[:6], np.round(bits[:6]), alpha=0.5, gamma=1.0)
    r.case("optim.polyLossCrossEntropy", "default", logits, labels)
    r.case("optim.polyLossCrossEntropy", "epsilon -1", logits, labels, epsilon=-1.0)
    log_p = np.log(np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32))
    q = np.array([[0.1, 0.4, 0.5], [1, 0, 0]], np.float32)
    r.case("optim.klDivergence", "rows, with zeros", log_p, q)
    r.case("optim.klDivergence", "axis 0", log_p, q, axis=0)
    r.case("optim.klDivergence", "where", log_p, q, where=np.array([[True, True, False], [True, False, True]]))
    r.case("optim.klDivergenceWithLogTargets", "rows", log_p, log_p[::-1].copy())
    r.case("optim.hingeLoss", "both sides", np.array([0.5, -0.5, 2, 1, -3], np.float32), np.array([1, 1, 1, 1, -1], np.float32))
    r.case("optim.hingeLoss", "at the kink", np.array([1, -1], np.float32), np.array([1, -1], np.float32))
    r.case("optim.smoothLabels", "alpha 0.1", labels, 0.1)
    r.case("optim.smoothLabels", "alpha 0", labels, 0)
    r.case("optim.safeSoftmaxCrossEntropy", "minus infinite logits", np.array([[-np.inf, 0, 1]], np.float32), np.array([[0, 0.5, 0.5]], np.float32))
