"""Lets PEFT load what we save, and compares its logits with the recorded ones.

    tsx --conditions=source test/train/methods/virtual/save_recorded.ts FOLDER
    venv/bin/python test/train/methods/virtual/check_saved.py FOLDER
"""

import pathlib
import sys

import peft
import transformers
from safetensors.torch import load_file

from record_applied import DATA
from recording import MODELS

HEADS = {"llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel", "bert": "BertForSequenceClassification"}

for case in sorted(DATA.iterdir()):
    family = case.name.split("-", 1)[1]
    folder = MODELS / ("bert-sequence" if family == "bert" else family)
    base = getattr(transformers, HEADS[family]).from_pretrained(folder, attn_implementation="eager")
    model = peft.PeftModel.from_pretrained(base, pathlib.Path(sys.argv[1]) / case.name).eval()
    tensors = load_file(case / "case.safetensors")
    inputs = {name[6:]: x for name, x in tensors.items() if name.startswith("input.")}
    off = (model(**inputs).logits - tensors["output.logits"]).abs().max().item()
    print(f"{case.name}: off by {off:.1e}")
    assert off < 1e-5, case.name
