"""Records what scikit-learn says of scores, into data/metrics.json.

    python -m venv venv && venv/bin/pip install numpy scikit-learn
    venv/bin/python test/train/metrics/record.py

scikit-learn 1.7 or later. The expected calibration error is Guo et al.'s, written in NumPy: bins (a, b] of equal width.
"""

import json
import pathlib

import numpy as np
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

DATA = pathlib.Path(__file__).parent / "data"


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def calibration(confidence, right, bins):
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows, ece = [], 0.0
    for b in range(bins):
        inside = which == b
        n = int(inside.sum())
        c = float(confidence[inside].mean()) if n else None
        a = float(right[inside].mean()) if n else None
        rows.append([n, c, a])
        ece += n / len(confidence) * abs(a - c) if n else 0
    return {"ece": float(ece), "bins": rows}


def classes(rng, n, count, missing=()):
    scores = (rng.standard_normal((n, count)) * 2).astype(np.float32)
    allowed = [c for c in range(count) if c not in missing]
    labels = rng.choice(allowed, n)
    # Half of the rows are right, so that scores mean something.
    scores[np.arange(n // 2), labels[: n // 2]] += 3
    predicted = scores.argmax(-1)
    p = softmax(scores.astype(np.float64))
    every = list(range(count))
    common = dict(labels=every, zero_division=0)
    case = {
        "logits": scores.tolist(),
        "labels": labels.tolist(),
        "accuracy": sk.accuracy_score(labels, predicted),
        "top2": sk.top_k_accuracy_score(labels, scores, k=2, labels=every) if count > 2 else 1.0,
        "confusion": sk.confusion_matrix(labels, predicted, labels=every).tolist(),
        "matthews": sk.matthews_corrcoef(labels, predicted),
        "perplexity": float(np.exp(sk.log_loss(labels, p, labels=every))),
        "calibration": calibration(p.max(-1), predicted == labels, 15),
    }
    for name, f in [("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)]:
        case[name] = {
            average: f(labels, predicted, average=average, **common) for average in ["macro", "micro", "weighted"]
        }
        case[name]["none"] = f(labels, predicted, average=None, **common).tolist()
        if count == 2:
            case[name]["binary"] = f(labels, predicted, zero_division=0)
    if count == 2:
        margin = scores[:, 1] - scores[:, 0]
        case["rocAuc"] = sk.roc_auc_score(labels, margin)
        # Many scores that are equal.
        coarse = np.round(margin)
        case["coarse"] = {"logits": coarse.tolist(), "rocAuc": sk.roc_auc_score(labels, coarse)}
        truth, mean = calibration_curve(labels, p[:, 1], n_bins=10)
        case["curve"] = {"accuracy": truth.tolist(), "confidence": mean.tolist()}
    return case


def regression(rng, n, offset):
    labels = (rng.standard_normal(n) + offset).astype(np.float32)
    predicted = (labels + 0.5 * rng.standard_normal(n)).astype(np.float32)
    return {
        "logits": predicted.tolist(),
        "labels": labels.tolist(),
        "meanSquaredError": sk.mean_squared_error(labels.astype(np.float64), predicted.astype(np.float64)),
        "r2": sk.r2_score(labels.astype(np.float64), predicted.astype(np.float64)),
    }


def main():
    rng = np.random.default_rng(0)
    recorded = {
        "classes": {
            "binary": classes(rng, 61, 2),
            "three": classes(rng, 50, 3),
            "seven, of which two never come up": classes(rng, 80, 7, missing=(2, 5)),
            "one label only": classes(rng, 20, 3, missing=(0, 2)),
        },
        "regression": {"plain": regression(rng, 70, 0), "far from zero": regression(rng, 70, 1000)},
    }
    DATA.mkdir(exist_ok=True)
    (DATA / "metrics.json").write_text(json.dumps(recorded) + "\n")


main()
