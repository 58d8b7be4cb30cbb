"""Records what captum and transformers compute, into data/attributions.json and data/attentions.safetensors.

    pip install torch captum==0.9.0 transformers safetensors
    python test/interpret/record.py

Attentions are those of the models in ../models/data, at their recorded inputs.
"""

import json
import pathlib

import torch
import transformers
from captum.attr import IntegratedGradients, InputXGradient, LayerGradCam, LayerGradientXActivation, LayerIntegratedGradients, Saliency
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent / "models" / "data"


def plain(x):
    return x.detach().tolist()


def network():
    """A picture through a convolution, a softplus, and a linear layer."""
    torch.manual_seed(0)
    conv, linear = torch.nn.Conv2d(2, 3, 3), torch.nn.Linear(3 * 4 * 4, 2)
    model = torch.nn.Sequential(conv, torch.nn.Softplus(), torch.nn.Flatten(), linear)
    x, baseline = torch.randn(2, 2, 6, 6), torch.randn(1, 2, 6, 6)
    integrated, delta = IntegratedGradients(model).attribute(
        x, baseline.expand(2, -1, -1, -1), target=1, n_steps=20, method="gausslegendre", return_convergence_delta=True)
    trapezoid = IntegratedGradients(model).attribute(x, target=1, n_steps=20, method="riemann_trapezoid")
    return {
        "kernel": plain(conv.weight), "bias": plain(conv.bias), "weight": plain(linear.weight), "offset": plain(linear.bias),
        "x": plain(x), "baseline": plain(baseline),
        "saliency": plain(Saliency(model).attribute(x.clone(), target=1)),
        "gradientTimesInput": plain(InputXGradient(model).attribute(x.clone(), target=1)),
        "integrated": plain(integrated), "delta": plain(delta.sum()), "trapezoid": plain(trapezoid),
        "gradCam": plain(LayerGradCam(model, conv).attribute(x, target=1, relu_attributions=True)[:, 0]),
        "layer": plain(LayerGradientXActivation(model, conv).attribute(x, target=1)),
    }


TEXTS = ["bert-sequence", "distilbert-sequence", "roberta-sequence", "albert-sequence", "gpt2-sequence", "llama-sequence", "gemma2-sequence"]


def words(family):
    """Integrated gradients by word embeddings, from rows of token 3."""
    model = load(family)
    case = load_file(MODELS / family / "right.safetensors")
    ids, mask = case["input.input_ids"][:1], case["input.attention_mask"][:1]
    table = model.get_input_embeddings()
    score = lambda ids, mask: model(input_ids=ids, attention_mask=mask).logits[:, 1]
    rows = LayerIntegratedGradients(score, table).attribute(
        ids, baselines=torch.full_like(ids, 3), additional_forward_args=(mask,), n_steps=32, method="gausslegendre")
    return {"family": family, "ids": plain(ids), "mask": plain(mask), "scores": plain(rows.sum(-1))}


def load(family):
    config = transformers.AutoConfig.from_pretrained(MODELS / family)
    kind = getattr(transformers, config.architectures[0])
    return kind.from_pretrained(MODELS / family, attn_implementation="eager", dtype=torch.float32).eval()


ATTENTIONS = ["bert", "distilbert", "roberta", "albert-groups", "gpt2", "llama", "gemma2", "gemma3", "qwen3", "t5", "vit"]


def attentions():
    tensors = {}
    for family in ATTENTIONS:
        if not (MODELS / family).exists():
            print("no model", family)
            continue
        cases = sorted(p.stem for p in (MODELS / family).glob("*.safetensors") if p.stem != "model")
        case = "right" if "right" in cases else cases[0]
        inputs = {k.removeprefix("input."): v for k, v in load_file(MODELS / family / f"{case}.safetensors").items() if k.startswith("input.")}
        inputs = {k: v for k, v in inputs.items() if k not in ("labels",) or family == "t5"}
        out = load(family)(**inputs, output_attentions=True)
        for kind in ["attentions", "encoder_attentions", "decoder_attentions", "cross_attentions"]:
            for i, weights in enumerate(out.get(kind) or []):
                tensors[f"{family}.{case}.{kind}.{i}"] = weights.detach().contiguous()
    return tensors


with torch.random.fork_rng():
    data = {"network": network(), "texts": [words(f) for f in TEXTS if (MODELS / f).exists()]}
(HERE / "data" / "attributions.json").write_text(json.dumps(data) + "\n")
save_file(attentions(), HERE / "data" / "attentions.safetensors")
