"""Records values and gradients of objectives, as PyTorch and transformers compute them.

    python test/train/objectives/record.py

Losses that are trl's (DPO, CPO, SimPO, ORPO) are written here as its trainers compute them: dpo_trainer.py (`dpo_loss`),
cpo_trainer.py (`cpo_loss`) and orpo_trainer.py (`odds_ratio_loss`) of trl 0.20. Everything is computed in float64.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from transformers.trainer_pt_utils import LabelSmoother

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

cases = []


def plain(x):
    """Numbers to nine digits, which are enough for any float32."""
    if isinstance(x, torch.Tensor):
        return plain(x.detach().tolist())
    if isinstance(x, list):
        return [plain(item) for item in x]
    return float(f"{x:.9g}") if isinstance(x, float) else x


def record(objective, inputs, options, loss, metrics=None):
    """`inputs` by name, in the order of the function's parameters; gradients by those that ask for them."""
    wanted = {k: v for k, v in inputs.items() if isinstance(v, torch.Tensor) and v.requires_grad}
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, retain_graph=True)
    cases.append(
        {
            "objective": objective,
            "inputs": {k: plain(v) for k, v in inputs.items()},
            "options": {k: plain(v) for k, v in options.items()},
            "loss": loss.item(),
            "gradients": {k: plain(g) for k, g in zip(wanted, gradients)},
            "metrics": {k: plain(v) for k, v in (metrics or {}).items()},
        }
    )


def scores(*shape):
    # float32 values, so that both sides begin with the same numbers.
    return (2 * torch.randn(*shape)).float().double().requires_grad_()


def labels(classes, *shape, ignored=0.3):
    drawn = torch.randint(0, classes, shape)
    return torch.where(torch.rand(*shape) < ignored, -100, drawn)


def shifted_cross_entropy(logits, targets, **options):
    """As transformers' ForCausalLMLoss."""
    return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), targets[:, 1:].reshape(-1), **options)


# Classes.

logits, targets = scores(3, 5, 7), labels(7, 3, 5)
record("causalLM", {"logits": logits, "labels": targets}, {}, shifted_cross_entropy(logits, targets))
for epsilon in (0.1, 0.3):
    smoothed = LabelSmoother(epsilon=epsilon)({"logits": logits}, targets.clone(), shift_labels=True)
    record("causalLM", {"logits": logits, "labels": targets}, {"labelSmoothing": epsilon}, smoothed)
    smoothed = LabelSmoother(epsilon=epsilon)({"logits": logits}, targets.clone())
    record("tokenClassification", {"logits": logits, "labels": targets}, {"labelSmoothing": epsilon}, smoothed)
flat, flat_targets = logits.reshape(-1, 7), targets.reshape(-1)
for name in ("maskedLM", "seq2seq", "tokenClassification"):
    record(name, {"logits": logits, "labels": targets}, {}, F.cross_entropy(flat, flat_targets))

logits, targets = scores(6, 4), labels(4, 6, ignored=0.2)
weights = torch.tensor([0.5, 1.0, 2.0, 3.5])
record("sequenceClassification", {"logits": logits, "labels": targets}, {}, F.cross_entropy(logits, targets))
record(
    "sequenceClassification",
    {"logits": logits, "labels": targets},
    {"classWeights": weights},
    F.cross_entropy(logits, targets, weight=weights),
)
record(
    "sequenceClassification",
    {"logits": logits, "labels": targets},
    {"classWeights": weights, "labelSmoothing": 0.2},
    F.cross_entropy(logits, targets, weight=weights, label_smoothing=0.2),
)
for gamma in (0.5, 2.0):
    counted = targets != -100
    log_p = F.log_softmax(logits, -1).gather(-1, targets.clamp(min=0)[:, None])[:, 0]
    alpha = weights[targets.clamp(min=0)]
    focal = -((1 - log_p.exp()) ** gamma) * log_p
    record(
        "sequenceClassification",
        {"logits": logits, "labels": targets},
        {"focal": gamma},
        focal[counted].mean(),
    )
    record(
        "sequenceClassification",
        {"logits": logits, "labels": targets},
        {"focal": gamma, "classWeights": weights},
        (alpha * focal)[counted].sum() / alpha[counted].sum(),
    )

logits, targets = scores(5, 3), (torch.rand(5, 3) < 0.4).double()
positive = torch.tensor([1.0, 2.0, 0.5])
record(
    "multiLabelClassification",
    {"logits": logits, "labels": targets},
    {},
    F.binary_cross_entropy_with_logits(logits, targets),
)
record(
    "multiLabelClassification",
    {"logits": logits, "labels": targets},
    {"positiveWeights": positive},
    F.binary_cross_entropy_with_logits(logits, targets, pos_weight=positive),
)

# Numbers.

predictions, targets = scores(6), scores(6).detach()
record("regression", {"predictions": predictions, "targets": targets}, {}, F.mse_loss(predictions, targets))
record(
    "regression",
    {"predictions": predictions, "targets": targets},
    {"error": "absolute"},
    F.l1_loss(predictions, targets),
)
for delta in (0.5, 2.0):
    record(
        "regression",
        {"predictions": predictions, "targets": targets},
        {"error": "huber", "delta": delta},
        F.huber_loss(predictions, targets, delta=delta),
    )

# Contrastive: sentence-transformers' MultipleNegativesRankingLoss and its symmetric twin.


def similarities(a, b, kind):
    return (F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T) if kind == "cosine" else a @ b.T


anchors, candidates, more = scores(4, 6), scores(4, 6), scores(7, 6)
own = torch.arange(4)
for kind, temperature in (("cosine", 0.05), ("cosine", 0.5), ("dot", 2.0)):
    options = {"similarity": kind, "temperature": temperature}
    found = similarities(anchors, candidates, kind) / temperature
    record("contrastive", {"anchors": anchors, "candidates": candidates}, options, F.cross_entropy(found, own))
    both = (F.cross_entropy(found, own) + F.cross_entropy(found.T, own)) / 2
    record("contrastive", {"anchors": anchors, "candidates": candidates}, {**options, "symmetric": True}, both)
    found = similarities(anchors, more, kind) / temperature
    record("contrastive", {"anchors": anchors, "candidates": more}, options, F.cross_entropy(found, own))
    both = (F.cross_entropy(found, own) + F.cross_entropy(found[:, :4].T, own)) / 2
    record("contrastive", {"anchors": anchors, "candidates": more}, {**options, "symmetric": True}, both)

# Distillation.

student, teacher, hard = scores(4, 5), scores(4, 5).detach(), labels(5, 4, ignored=0.25)
for t in (1.0, 3.0):
    each = F.kl_div(F.log_softmax(student / t, -1), F.softmax(teacher / t, -1), reduction="none").sum(-1) * t * t
    record("distillation", {"student": student, "teacher": teacher}, {"temperature": t}, each.mean())
    soft = each[hard != -100].mean()
    mixed = 0.3 * soft + 0.7 * F.cross_entropy(student, hard)
    record("distillation", {"student": student, "teacher": teacher}, {"temperature": t, "alpha": 0.3, "labels": hard}, mixed)

# Pairs. Log-probabilities of answers, and how many tokens they have.

tokens = {"chosen": torch.tensor([3.0, 5.0, 2.0, 7.0]), "rejected": torch.tensor([4.0, 1.0, 6.0, 3.0])}


def answers():
    return {k: (-n * (0.2 + torch.rand(4))).float().double().requires_grad_() for k, n in tokens.items()}


def pair_inputs(prefix, found):
    named = {f"{prefix}.{k}.total": v for k, v in found.items()}
    return {**named, **{f"{prefix}.{k}.tokens": n for k, n in tokens.items()}}


def averages(found):
    return {k: v / tokens[k] for k, v in found.items()}


def rewards(chosen, rejected, beta):
    c, r = beta * chosen, beta * rejected
    return {
        "rewards/chosen": c.mean(),
        "rewards/rejected": r.mean(),
        "rewards/margins": (c - r).mean(),
        "rewards/accuracies": (c > r).double().mean(),
    }


policy = answers()
reference = {k: v.detach() for k, v in answers().items()}


def pair_loss(x, beta, kind, epsilon):
    if kind == "sigmoid":
        return -F.logsigmoid(beta * x) * (1 - epsilon) - F.logsigmoid(-beta * x) * epsilon
    if kind == "hinge":
        return torch.relu(1 - beta * x)
    return (x - 1 / (2 * beta)) ** 2


for kind, epsilon in (("sigmoid", 0.0), ("sigmoid", 0.2), ("hinge", 0.0), ("ipo", 0.0)):
    for beta in (0.1, 0.5):
        options = {"beta": beta, "loss": kind, "labelSmoothing": epsilon}
        p, q = (averages(policy), averages(reference)) if kind == "ipo" else (policy, reference)
        chosen, rejected = p["chosen"] - q["chosen"], p["rejected"] - q["rejected"]
        loss = pair_loss(chosen - rejected, beta, kind, epsilon).mean()
        inputs = {**pair_inputs("policy", policy), **pair_inputs("reference", reference)}
        record("dpo", inputs, options, loss, rewards(chosen, rejected, beta))
        free = pair_loss(p["chosen"] - p["rejected"], beta, kind, epsilon).mean()
        record("dpo", pair_inputs("policy", policy), options, free, rewards(p["chosen"], p["rejected"], beta))
        for alpha in (0.0, 1.0):
            nll = -policy["chosen"].sum() / tokens["chosen"].sum()
            loss = pair_loss(p["chosen"] - p["rejected"], beta, kind, epsilon).mean() + alpha * nll
            record(
                "cpo",
                pair_inputs("policy", policy),
                {**options, "alpha": alpha},
                loss,
                rewards(p["chosen"], p["rejected"], beta),
            )

p = averages(policy)
for beta, gamma, epsilon in ((2.0, 0.5, 0.0), (2.5, 1.4, 0.1)):
    x = p["chosen"] - p["rejected"] - gamma / beta
    loss = pair_loss(x, beta, "sigmoid", epsilon).mean()
    options = {"beta": beta, "gamma": gamma, "labelSmoothing": epsilon}
    record("simpo", pair_inputs("policy", policy), options, loss, rewards(p["chosen"], p["rejected"], beta))

for beta in (0.1, 1.0):
    odds = (p["chosen"] - p["rejected"]) - (
        torch.log1p(-torch.exp(p["chosen"])) - torch.log1p(-torch.exp(p["rejected"]))
    )
    ratio = F.logsigmoid(odds)
    nll = -policy["chosen"].sum() / tokens["chosen"].sum()
    metrics = {**rewards(p["chosen"], p["rejected"], beta), "logOddsRatio": ratio.mean(), "logOdds": odds.mean()}
    record("orpo", pair_inputs("policy", policy), {"beta": beta}, nll - (beta * ratio).mean(), metrics)

# GradScaler: the scale after steps of which some have infinities.

scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2)
weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float32))
optimizer = torch.optim.SGD([weight], lr=1.0)
scales = []
finite = [True, True, False, True, False, False, True, True, True, True]
for ok in finite:
    optimizer.zero_grad()
    scaler.scale((weight * (1.0 if ok else float("inf"))).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    scales.append({"finite": ok, "scale": scaler.get_scale(), "weight": weight.item()})

path = pathlib.Path(__file__).parent / "data" / "goldens.json"
path.write_text(json.dumps({"cases": cases, "scales": scales}) + "\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
