"""Whether `transformers` reads the GGUF files of gguf/ as the models that they were made of: logits of the recorded cases, to 2e-5 of the
largest. Exits with 1 if a file fails.

    venv/bin/python test/models/check_gguf.py [family ...]
"""

import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).parent
# What transformers does not read of such files: the four numbers of Llama 3's scaling come as factors of frequencies, and other scalings
# not at all. Gemma's first files it does not read.
UNREAD = {"llama-llama3", "llama-linear", "gemma"}


def difference(path):
    # Of the file's own metadata it takes the size of the vocabulary from the tokenizer's words, and these files have none.
    config = transformers.AutoConfig.from_pretrained(HERE / "data" / path.stem)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, config=config, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    differences = []
    for case in sorted((HERE / "data" / path.stem).glob("*.safetensors")):
        if case.stem == "model":
            continue
        recorded = load_file(case)
        inputs = {name[len("input.") :]: x for name, x in recorded.items() if name.startswith("input.") and name != "input.labels"}
        with torch.inference_mode():
            found, expected = model(**inputs).logits, recorded["output.logits"]
        differences.append((found - expected).abs().max() / expected.abs().max())
    # NaN if there is one.
    return torch.stack(differences).max().item()


def main(wanted):
    transformers.logging.set_verbosity_error()
    failed = 0
    for path in sorted((HERE / "gguf").glob("*.gguf")):
        if path.stem in UNREAD or (wanted and path.stem not in wanted):
            continue
        try:
            largest = difference(path)
            text, is_right = f"largest difference {largest:.1e}", largest <= 2e-5
        except Exception as error:
            text, is_right = f"FAILED: {type(error).__name__}: {error}", False
        print(f"{path.name}: {text}", flush=True)
        failed += not is_right
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main(sys.argv[1:])
