"""Records adapters as PEFT writes them, over the tiny models of test/models/data, and what transformers and PEFT compute with them.

    python -m venv venv && venv/bin/pip install -r test/train/methods/requirements.txt
    venv/bin/python test/train/methods/record.py [case ...]

data/CASE has adapter_config.json and adapter_model.safetensors as `save_pretrained` writes them, and expected.safetensors with the inputs
(`input.*`), the logits with the adapter (`tuned`), with the adapter merged (`merged`), and without it (`plain`), the loss with the adapter
at the inputs with labels (`label.*`, `loss`), and its gradients by the adapter's tensors under the names that files have for them
(`grad.*`). All arrays of an adapter are random, none is zero.
"""

import json
import pathlib
import shutil
import sys
import warnings
from collections import Counter

import peft
import torch
import transformers
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).parent
DATA = ROOT / "data"
MODELS = ROOT.parents[1] / "models" / "data"

LORA = dict(r=2, lora_alpha=5)
CASES = {
    "bert-lora": (
        "bert-sequence",
        peft.LoraConfig(
            **LORA,
            task_type="SEQ_CLS",
            modules_to_save=["classifier"],
            rank_pattern={"layer.1.attention.self.query": 3},
            alpha_pattern={r"layer\.0\..*value": 7},
        ),
    ),
    "bert-lora-other": ("bert-sequence", peft.LoraConfig(r=2, lora_alpha=3, target_modules=["query", "key"])),
    "bert-dora": ("bert-sequence", peft.LoraConfig(**LORA, use_dora=True, target_modules=["query", "word_embeddings"])),
    "bert-all-linear": ("bert-sequence", peft.LoraConfig(r=1, lora_alpha=1, task_type="SEQ_CLS", target_modules="all-linear")),
    "bert-ia3": ("bert-sequence", peft.IA3Config(task_type="SEQ_CLS", modules_to_save=["classifier"])),
    "bert-vera": ("bert-sequence", peft.VeraConfig(r=5, projection_prng_key=7)),
    "bert-pissa": ("bert-sequence", peft.LoraConfig(**LORA, init_lora_weights="pissa")),
    "bert-olora": ("bert-sequence", peft.LoraConfig(**LORA, init_lora_weights="olora")),
    "roberta-lora": (
        "roberta-sequence",
        peft.LoraConfig(**LORA, target_modules=["query", "word_embeddings"], modules_to_save=["classifier"]),
    ),
    "llama-lora": ("llama", peft.LoraConfig(**LORA, use_rslora=True, task_type="CAUSAL_LM")),
    "llama-layers": (
        "llama",
        peft.LoraConfig(**LORA, target_modules=["q_proj", "v_proj"], layers_to_transform=[1], layers_pattern="layers"),
    ),
    "llama-expression": ("llama", peft.LoraConfig(**LORA, target_modules=r"model\.layers\.\d+\.mlp\.(up|down)_proj")),
    "llama-dora": ("llama", peft.LoraConfig(**LORA, use_dora=True, target_modules="all-linear", task_type="CAUSAL_LM")),
    "llama-ia3": ("llama", peft.IA3Config(task_type="CAUSAL_LM")),
    "llama-vera": ("llama", peft.VeraConfig(r=4, target_modules=["q_proj", "down_proj"], save_projection=False)),
    "llama-tied": (
        "llama-tied",
        peft.LoraConfig(**LORA, target_modules=["embed_tokens", "q_proj"], ensure_weight_tying=True),
    ),
    "gpt2-lora": ("gpt2", peft.LoraConfig(**LORA, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)),
    "gpt2-dora": ("gpt2", peft.LoraConfig(**LORA, use_dora=True, fan_in_fan_out=True)),
    "gpt2-ia3": ("gpt2", peft.IA3Config(fan_in_fan_out=True)),
    "gpt2-vera": ("gpt2", peft.VeraConfig(r=3, fan_in_fan_out=True)),
    "bert-biases": ("bert-sequence", peft.LoraConfig(**LORA, bias="all", task_type="SEQ_CLS")),
    "bert-own-biases": (
        "bert-sequence",
        peft.LoraConfig(**LORA, bias="lora_only", lora_bias=True, target_modules=r"(.*\.)?(query|dense)"),
    ),
    "bert-tokens": ("bert-sequence", peft.LoraConfig(**LORA, trainable_token_indices=[5, 9, 30])),
    "tokens-olora": (
        "distilbert-masked",
        peft.LoraConfig(r=3, lora_alpha=1, target_modules=["lin2"], trainable_token_indices=[4, 29], init_lora_weights="olora"),
    ),
    "masked-tokens": ("bert-masked", peft.LoraConfig(**LORA, target_modules=["query"], trainable_token_indices=[4, 29])),
    "gpt2-pissa": (
        "gpt2",
        peft.LoraConfig(
            r=1,
            lora_alpha=8,
            use_rslora=True,
            target_modules="all-linear",
            fan_in_fan_out=True,
            # Sorted, as files have them: where two patterns match a module, the first one counts.
            alpha_pattern={r"\w+\.0\..*": 2, "c_proj": 1},
            init_lora_weights="pissa",
        ),
    ),
    "masked-head": ("bert-masked", peft.LoraConfig(**LORA, target_modules=["query"], modules_to_save=["cls"])),
    "masked-decoder": ("bert-masked", peft.LoraConfig(**LORA, target_modules=["query", "decoder"])),
    "tied-head": ("llama-tied", peft.LoraConfig(**LORA, target_modules=["lm_head", "v_proj"])),
    "tied-table": ("llama-tied", peft.LoraConfig(**LORA, use_dora=True, target_modules=["embed_tokens", "v_proj"])),
    "tied-dora": ("llama-tied", peft.LoraConfig(**LORA, use_dora=True, target_modules=["lm_head", "v_proj"])),
    "llama-head": (
        "llama",
        peft.LoraConfig(**LORA, target_modules=["embed_tokens"], modules_to_save=["norm", "lm_head"]),
    ),
    "resnet-lora": ("resnet-bottleneck", peft.LoraConfig(**LORA, target_modules=["convolution"])),
    "resnet-dora": ("resnet-bottleneck", peft.LoraConfig(**LORA, use_dora=True, target_modules=r".*\.layer\.\d\.convolution")),
    "resnet-ia3": (
        "resnet-bottleneck",
        peft.IA3Config(
            target_modules=r".*\.layer\.[012]\.convolution",
            feedforward_modules=["layer.2.convolution"],
        ),
    ),
    "vit-ia3": ("vit-image", peft.IA3Config(target_modules=["projection"], feedforward_modules=[])),
    "vit-lora": ("vit-image", peft.LoraConfig(**LORA, target_modules=["projection"], modules_to_save=["classifier"])),
    "vit-five-lora": (
        "vit-image",
        peft.LoraConfig(
            **LORA,
            target_modules=["q_proj", "o_proj", "fc1"],
            rank_pattern={"q_proj": 3},
            alpha_pattern={r"layers\.1\.mlp\.fc1": 7},
            modules_to_save=["classifier", "layernorm_after"],
        ),
    ),
    "vit-five-ia3": (
        "vit-image",
        peft.IA3Config(target_modules=["k_proj", "v_proj", "fc2"], feedforward_modules=["fc2"]),
    ),
    "distilbert-lora": ("distilbert-sequence", peft.LoraConfig(**LORA, task_type="SEQ_CLS", target_modules=["q_lin", "lin2"])),
    "albert-lora": ("albert-sequence", peft.LoraConfig(**LORA, target_modules=["query", "embedding_hidden_mapping_in"])),
    "gemma3-lora": ("gemma3", peft.LoraConfig(**LORA, target_modules=["embed_tokens", "q_proj"], ensure_weight_tying=False)),
    "qwen3-dora": ("qwen3", peft.LoraConfig(**LORA, use_dora=True, target_modules="all-linear", task_type="CAUSAL_LM")),
    "t5-lora": ("t5-lm", peft.LoraConfig(**LORA, task_type="SEQ_2_SEQ_LM")),
}


def model_of(family):
    """The recorded model of a family."""
    config = transformers.AutoConfig.from_pretrained(MODELS / family)
    kind = getattr(transformers, config.architectures[0])
    attention = {} if family.startswith("resnet") else {"attn_implementation": "eager"}
    return kind.from_pretrained(MODELS / family, dtype=torch.float32, **attention).eval()


def inputs_of(family):
    """Two rows of seven tokens, the second of them padded; or two pictures."""
    torch.manual_seed(5)
    if family.startswith(("resnet", "vit")):
        config = transformers.AutoConfig.from_pretrained(MODELS / family)
        size = getattr(config, "image_size", 16)
        return {"pixel_values": torch.randn(2, config.num_channels, *([size, size] if isinstance(size, int) else size))}
    ids = torch.randint(3, 60, (2, 7))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    ids[1, 5:] = 1 if family.startswith("roberta") else 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    return {**inputs, "decoder_input_ids": torch.randint(3, 60, (2, 4))} if family.startswith("t5") else inputs


def labels_of(model, inputs):
    """Something to be learned: classes, tokens to be said, or the text itself."""
    torch.manual_seed(7)
    kind = type(model).__name__
    if "Sequence" in kind or "Image" in kind:
        return torch.randint(0, model.config.num_labels, (2,))
    return torch.randint(3, 60, (2, 4)) if "decoder_input_ids" in inputs else inputs["input_ids"].clone()


def gradients(model, inputs, labels):
    """The loss, and its gradients by what is trained, by the names of files."""
    loss = model(**inputs, labels=labels).loss
    loss.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    # Tied factors lie in the same place, and each has only its own part of the gradient: those are left out.
    places = Counter(p.data_ptr() for p in trained)
    by_place = {p.data_ptr(): p for p in trained if places[p.data_ptr()] == 1}
    named = {name: by_place.get(x.data_ptr()) for name, x in get_peft_model_state_dict(model).items()}
    # With bias="all", biases of modules that are saved whole have two names.
    once = {name: p for name, p in named.items() if p is not None and ".modules_to_save." not in name}
    grads = {f"grad.{name}": p.grad.contiguous().clone() for name, p in once.items() if p.grad is not None}
    return {"loss": loss.detach().clone(), **grads}


def fill(model):
    """Random arrays in the adapter: no part of it is idle."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not p.requires_grad:
                continue
            noise = torch.randn_like(p)
            if "magnitude" in name or "ia3_l" in name:
                p.mul_(1 + 0.2 * noise)
            elif "lora_" in name and p.abs().sum() > 0 and "embedding" not in name:
                p.add_(0.05 * noise)
            else:
                p.add_(0.2 * noise)


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits.contiguous().clone()


def record(case):
    family, config = CASES[case]
    folder = DATA / case
    shutil.rmtree(folder, ignore_errors=True)
    inputs = inputs_of(family)
    expected = {f"input.{name}": x if x.is_floating_point() else x.to(torch.int32) for name, x in inputs.items()}
    expected["plain"] = logits(model_of(family), inputs)
    torch.manual_seed(3)
    model = peft.get_peft_model(model_of(family), config).eval()
    fill(model)
    expected["tuned"] = logits(model, inputs)
    labels = labels_of(model.get_base_model(), inputs)
    expected.update(gradients(model, inputs, labels), **{"label.labels": labels.to(torch.int32)})
    model.save_pretrained(folder, safe_serialization=True)
    expected["merged"] = logits(model.merge_and_unload(), inputs)
    (folder / "README.md").unlink(missing_ok=True)
    # The path of this machine is no part of what is recorded; the rest of the text stays as PEFT wrote it.
    written = folder / "adapter_config.json"
    written.write_text(written.read_text().replace(f"{MODELS}/", ""))
    save_file(expected, folder / "expected.safetensors")
    # What PEFT itself makes of the files.
    again = peft.PeftModel.from_pretrained(model_of(family), folder).eval()
    off = (logits(again, inputs) - expected["tuned"]).abs().max().item()
    moved = (expected["tuned"] - expected["plain"]).abs().max().item()
    merge = (expected["tuned"] - expected["merged"]).abs().max().item()
    print(f"{case}: moves logits by {moved:.2g}, merged {merge:.1g}, read again {off:.1g}")


def record_combined():
    """`add_weighted_adapter` of two recorded adapters."""
    inputs = inputs_of("bert-sequence")
    expected = {f"input.{name}": x.to(torch.int32) for name, x in inputs.items()}
    # Those that draw random elements are tested by their laws.
    settings = {"density": 0.6, "majority_sign_method": "frequency"}
    for combination in ["linear", "cat", "svd", "ties", "magnitude_prune", "ties_svd", "magnitude_prune_svd"]:
        base = model_of("bert-sequence")
        model = peft.PeftModel.from_pretrained(base, DATA / "bert-first", adapter_name="first")
        model.load_adapter(DATA / "bert-lora-other", adapter_name="second")
        model.add_weighted_adapter(["first", "second"], [0.7, -0.4], "both", combination_type=combination, **settings)
        model.set_adapter("both")
        expected[combination] = logits(model.eval(), inputs)
    folder = DATA / "bert-combined"
    folder.mkdir(exist_ok=True)
    save_file(expected, folder / "expected.safetensors")


RESPELLED = [
    ("layers.", "encoder.layer."),
    (".attention.q_proj", ".attention.attention.query"),
    (".attention.k_proj", ".attention.attention.key"),
    (".attention.v_proj", ".attention.attention.value"),
    (".attention.o_proj", ".attention.output.dense"),
    (".mlp.fc1", ".intermediate.dense"),
    (".mlp.fc2", ".output.dense"),
]


def record_respelled():
    """The adapters of ViT as they are with transformers 4, where modules have other names; what they compute is the same."""
    four = {
        "lora": {
            "target_modules": ["query", "attention.output.dense", "intermediate.dense"],
            "rank_pattern": {"query": 3},
            "alpha_pattern": {r"layer\.1\.intermediate\.dense": 7},
        },
        "ia3": {"target_modules": ["key", "value", r"layer.0.output.dense", "layer.1.output.dense"]},
    }
    four["ia3"]["feedforward_modules"] = four["ia3"]["target_modules"][2:]
    for method, settings in four.items():
        source, folder = DATA / f"vit-five-{method}", DATA / f"vit-four-{method}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        config = json.loads((source / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps({**config, **settings}, indent=2, sort_keys=True))
        for file in ["adapter_model.safetensors", "expected.safetensors"]:
            tensors = load_file(source / file)
            named = {}
            for name, x in tensors.items():
                for five, old in RESPELLED:
                    name = name.replace(five, old)
                named[name] = x
            save_file(named, folder / file)


CASES["bert-first"] = ("bert-sequence", peft.LoraConfig(**LORA))

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    for name in sys.argv[1:] or CASES:
        record(name)
    record_combined()
    record_respelled()
