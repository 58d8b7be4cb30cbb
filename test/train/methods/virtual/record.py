"""Records what PEFT computes from saved adapters of virtual tokens on the tiny models of test/models/data, into data/.

    python -m venv venv && venv/bin/pip install -r test/models/requirements.txt peft==0.21.2
    venv/bin/python test/train/methods/virtual/record.py

data/CASE has adapter_config.json and adapter_model.safetensors as `save_pretrained` of PEFT writes them, and case.safetensors: inputs
(`input.*`), and of the adapter as `PeftModel.from_pretrained` reads it outputs (`output.*`), and gradients of the loss by what is in the
file (`grad.*`). PEFT has no loss of classes of tokens, as it lets labels stay as short as they are. Of models that write there is the
likeliest continuation of the first row besides (`generated`). It is made of whole runs: PEFT 0.21.2 looks for `past_key_values` where
transformers 5.24 has `cache`, and so its `generate` puts the virtual tokens before each single token.

CASE is METHOD-MODEL, with a model of test/models/data.
"""

import warnings

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

from recording import HERE, MODELS, adapted, save

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

DATA = HERE / "data"

HEADS = {
    "CAUSAL_LM": transformers.AutoModelForCausalLM,
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "TOKEN_CLS": transformers.AutoModelForTokenClassification,
    "QUESTION_ANS": transformers.AutoModelForQuestionAnswering,
    "FEATURE_EXTRACTION": transformers.AutoModel,
    "SEQ_2_SEQ_LM": transformers.AutoModelForSeq2SeqLM,
}
METHODS = {"prompt": peft.PromptTuningConfig, "p": peft.PromptEncoderConfig, "prefix": peft.PrefixTuningConfig}
LENGTH = 7


def base(model, task):
    return HEADS[task].from_pretrained(MODELS / model, attn_implementation="eager").eval()


def inputs_of(task, generator, types=False, positions=False, left=False, lengths=(LENGTH, 5, 3)):
    ids = torch.randint(3, 61, (3, LENGTH), generator=generator)
    lengths = torch.tensor(lengths)[:, None]
    places = torch.arange(LENGTH)
    mask = (places >= LENGTH - lengths if left else places < lengths).long()
    inputs = {"input_ids": ids * mask, "attention_mask": mask}
    if types:
        inputs["token_type_ids"] = torch.tensor([[0, 0, 0, 1, 1, 1, 1]]).repeat(3, 1)
    if positions:
        inputs["position_ids"] = torch.clamp(torch.cumsum(mask, 1) - 1, min=0)
    if task == "CAUSAL_LM":
        inputs["labels"] = torch.where(mask == 1, ids, -100)
    if task == "SEQ_CLS":
        inputs["labels"] = torch.tensor([0, 2, 1])
    if task == "QUESTION_ANS":
        inputs |= {"start_positions": torch.tensor([0, 1, 4]), "end_positions": torch.tensor([2, 6, 5])}
    if task == "SEQ_2_SEQ_LM":
        # As long as what is read, so that they could be taken for labels of it.
        labels = torch.randint(3, 61, (3, LENGTH), generator=generator)
        inputs["labels"] = torch.where(places < torch.tensor([[LENGTH], [4], [2]]), labels, -100)
        inputs["decoder_attention_mask"] = (places < torch.tensor([[LENGTH], [5], [3]])).long()
    return inputs


def continued(tuned, task, ids, count=5):
    """The likeliest tokens, one after the other, each from a run over everything before it."""
    written = torch.tensor([[0]]) if task == "SEQ_2_SEQ_LM" else ids
    begun = written.shape[1]
    for _ in range(count):
        both = {"input_ids": ids, "decoder_input_ids": written} if task == "SEQ_2_SEQ_LM" else {"input_ids": written}
        with torch.no_grad():
            logits = tuned(**both).logits
        written = torch.cat([written, logits[:, -1].argmax(-1, keepdim=True)], 1)
    return written[0, begun:]


def record(case, task, seed, inputs=None, **settings):
    method, model = case.split("-", 1)
    model = model.removesuffix("-projected").removesuffix("-lstm").removesuffix("-left")
    generator = torch.Generator().manual_seed(seed)
    config = METHODS[method](num_virtual_tokens=4, task_type=task, **settings)
    folder = DATA / case
    save(adapted(base(model, task), config, generator), folder)
    tuned = peft.PeftModel.from_pretrained(base(model, task), folder).eval()
    # What a file has, and where it is read to.
    read = {"prompt_embeddings": tuned.prompt_encoder["default"].embedding.weight}
    for name, parameter in tuned.named_parameters():
        if ".modules_to_save.default." in name:
            read[name.replace(".modules_to_save.default.", ".")] = parameter
    assert read.keys() == load_file(folder / "adapter_model.safetensors").keys(), (case, sorted(read))
    for parameter in read.values():
        parameter.requires_grad_(True)
    given = inputs_of(task, generator, **(inputs or {}))
    outputs = tuned(**given)
    wanted = ["loss", "logits", "start_logits", "end_logits", "last_hidden_state", "encoder_last_hidden_state"]
    tensors = {f"input.{k}": v for k, v in given.items()}
    tensors |= {f"output.{k}": outputs[k].detach() for k in wanted if outputs.get(k) is not None}
    if outputs.get("loss") is not None:
        outputs["loss"].backward()
        tensors |= {f"grad.{k}": v.grad for k, v in read.items()}
    if task in ("CAUSAL_LM", "SEQ_2_SEQ_LM"):
        tensors["generated"] = continued(tuned, task, given["input_ids"][:1])
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "case.safetensors")
    print(case, {k: tuple(v.shape) for k, v in tensors.items() if not k.startswith("input")})


def main():
    record("prompt-llama", "CAUSAL_LM", 11, dict(positions=True))
    record("prompt-llama-left", "CAUSAL_LM", 12, dict(left=True))
    record("prompt-gemma", "CAUSAL_LM", 13)
    record("prompt-llama-sequence", "SEQ_CLS", 14)
    record("prompt-bert-sequence", "SEQ_CLS", 15, dict(types=True, positions=True))
    record("prompt-roberta-sequence", "SEQ_CLS", 16, dict(left=True))
    record("prompt-albert-sequence", "SEQ_CLS", 17, token_dim=10)
    record("prompt-bert-token", "TOKEN_CLS", 18, dict(types=True))
    record("prompt-roberta-token", "TOKEN_CLS", 19)
    record("prompt-bert-spans", "QUESTION_ANS", 20, dict(types=True))
    record("prompt-bert", "FEATURE_EXTRACTION", 21, dict(types=True))
    record("prompt-t5-lm", "SEQ_2_SEQ_LM", 22)
    record("p-gpt2", "CAUSAL_LM", 23, encoder_hidden_size=6)
    record("p-llama-lstm", "CAUSAL_LM", 24, encoder_hidden_size=6, encoder_reparameterization_type="LSTM")
    record("p-gpt2-sequence", "SEQ_CLS", 25, encoder_hidden_size=6)
    record("p-mt5-lm", "SEQ_2_SEQ_LM", 26, encoder_hidden_size=6)
    record("prefix-llama", "CAUSAL_LM", 31, dict(positions=True))
    record("prefix-llama-left", "CAUSAL_LM", 32, dict(left=True))
    record("prefix-llama-projected", "CAUSAL_LM", 33, prefix_projection=True, encoder_hidden_size=6)
    record("prefix-gpt2", "CAUSAL_LM", 34)
    # No window of three tokens is padding alone: what a query gets that sees nothing depends on how long the cache is.
    record("prefix-gemma3", "CAUSAL_LM", 35, dict(lengths=(LENGTH, 6, 5)))
    record("prefix-mistral", "CAUSAL_LM", 36)
    # PEFT takes the features of a token's keys to be those of the model, which T5 may have others of.
    record("prefix-t5-lm", "SEQ_2_SEQ_LM", 37, token_dim=24)
    record("prefix-mt5-lm-projected", "SEQ_2_SEQ_LM", 38, token_dim=24, prefix_projection=True, encoder_hidden_size=6)


if __name__ == "__main__":
    main()
