"""Whether `transformers` reads the GGUF files of gguf/ as the models that they were made of: logits of the recorded cases, to 2e-5 of the
largest. Exits with 1 if a file fails.

    venv/bin/python test/models/check_gguf.py [family ...]
"""

import pathlib
import sys

import torch
import transformers
from checking import cases_of, report

HERE = pathlib.Path(__file__).parent
# What transformers does not read of such files: the four numbers of Llama 3's scaling come as factors of frequencies, and other scalings
# not at all. Gemma's first files it does not read.
UNREAD = {"llama-llama3", "llama-linear", "gemma"}


def check(path, family):
    # Of the file's own metadata it takes the size of the vocabulary from the tokenizer's words, and these files have none.
    config = transformers.AutoConfig.from_pretrained(HERE / "data" / family)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, config=config, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    differences = []
    for _, inputs, outputs in cases_of(HERE / "data" / family):
        inputs.pop("labels", None)
        with torch.inference_mode():
            found, expected = model(**inputs).logits, outputs["output.logits"]
        differences.append((found - expected).abs().max() / expected.abs().max())
    # NaN if there is one.
    largest = torch.stack(differences).max().item()
    return f"largest difference {largest:.1e}", largest <= 2e-5


if __name__ == "__main__":
    paths = [path for path in sorted((HERE / "gguf").glob("*.gguf")) if path.stem not in UNREAD]
    sys.exit(report(paths, lambda path: path.stem, sys.argv[1:], check) > 0)
