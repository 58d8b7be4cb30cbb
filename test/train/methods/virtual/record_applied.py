"""Records what PEFT computes with virtual tokens on the tiny models of test/models/data, into applied/.

    python -m venv venv && venv/bin/pip install -r test/models/requirements.txt peft==0.21.2
    venv/bin/python test/train/methods/virtual/record_applied.py

applied/CASE has adapter_config.json and adapter_model.safetensors as `save_pretrained` of PEFT writes them, and case.safetensors with inputs
(`input.*`) and logits (`output.logits`), and `grad.prompt_embeddings`: of the sum of sin of the logits, where the embeddings are trained
as they are.
"""

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

from recording import HERE, MODELS, adapted, save

DATA = HERE / "applied"


def base(name, head, **more):
    model = getattr(transformers, head).from_pretrained(MODELS / name, attn_implementation="eager", **more)
    return model.eval()


def record(case, model, config, inputs, seed):
    tuned = adapted(model, config, torch.Generator().manual_seed(seed))
    folder = DATA / case
    save(tuned, folder)
    logits = tuned(**inputs).logits
    logits.sin().sum().backward()
    embeddings = tuned.prompt_encoder["default"].embedding.weight
    tensors = {f"input.{k}": v for k, v in inputs.items()}
    tensors["output.logits"] = logits.detach().contiguous()
    if embeddings.shape == load_file(folder / "adapter_model.safetensors")["prompt_embeddings"].shape:
        tensors["grad.prompt_embeddings"] = embeddings.grad
    save_file(tensors, folder / "case.safetensors")
    print(case, sorted(load_file(folder / "adapter_model.safetensors")), tuple(logits.shape))


def tokens(padded, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 61, (3, 7), generator=generator)
    lengths = torch.tensor([7, 5, 3] if padded else [7, 7, 7])
    mask = (torch.arange(7) < lengths[:, None]).long()
    return {"input_ids": ids * mask, "attention_mask": mask}


def main():
    shared = dict(num_virtual_tokens=4)
    for name, head in [("llama", "LlamaForCausalLM"), ("gpt2", "GPT2LMHeadModel")]:
        causal = dict(task_type="CAUSAL_LM", **shared)
        record(f"prompt-{name}", base(name, head), peft.PromptTuningConfig(**causal), tokens(True, 1), 2)
        record(f"prefix-{name}", base(name, head), peft.PrefixTuningConfig(**causal), tokens(True, 3), 4)
    projected = peft.PrefixTuningConfig(prefix_projection=True, encoder_hidden_size=6, task_type="CAUSAL_LM", **shared)
    record("projected-llama", base("llama", "LlamaForCausalLM"), projected, tokens(False, 5), 6)
    types = {"token_type_ids": torch.tensor([[0, 0, 0, 1, 1, 1, 1]]).repeat(3, 1)}
    config = peft.PromptTuningConfig(task_type="SEQ_CLS", **shared)
    record("prompt-bert", base("bert-sequence", "BertForSequenceClassification"), config, {**tokens(True, 7), **types}, 8)


if __name__ == "__main__":
    main()
