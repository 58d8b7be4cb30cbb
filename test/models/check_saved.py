"""Whether `transformers` loads what `saveModel` writes, and computes the same: every recorded family is saved, in one file and in
several, loaded by `from_pretrained`, and run on the recorded cases. Exits with 1 if a family fails.

    venv/bin/python test/models/check_saved.py [family ...]
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import record
import torch
import transformers
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).parents[2]
# Of a package of its own, not of transformers.
ELSEWHERE = {"efficientnet-lite", "g2p"}
# What the classes have, and nothing reads: a bias beside a head with a bias of its own.
UNREAD = re.compile(r"^cls\.predictions\.bias$")


def load(folder):
    """The model of a folder, strictly: with all names in their places."""
    name = json.loads((folder / "config.json").read_text())["architectures"][0]
    kind = getattr(transformers, name)
    model, report = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    report["missing_keys"] = {name for name in report["missing_keys"] if not UNREAD.match(name)}
    wrong = {key: value for key, value in report.items() if value}
    return model.eval(), wrong


def largest_difference(model, path):
    recorded = load_file(path)
    inputs = {name[len("input."):]: x for name, x in recorded.items() if name.startswith("input.")}
    found = record.run(model, inputs, path.stem)
    expected = {name: x for name, x in recorded.items() if not name.startswith("input.")}
    if set(found) != set(expected):
        raise ValueError(f"other outputs: {sorted(set(found) ^ set(expected))}")
    return max(((found[name] - x).abs().max() / max(1, x.abs().max())).item() for name, x in expected.items() if x.numel() > 0)


def check(folder, family):
    model, wrong = load(folder)
    if wrong:
        return f"FAILED: {wrong}", False
    data = record.DATA.parent / "own" / family if family == "opt" else record.DATA / family
    cases = [path for path in sorted(data.glob("*.safetensors")) if path.stem != "model"]
    largest = max(largest_difference(model, path) for path in cases)
    return f"{len(cases)} cases, largest difference {largest:.1e}", largest <= 1e-6


def main(wanted):
    transformers.logging.set_verbosity_error()
    failed = 0
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["npx", "tsx", "--conditions=source", str(ROOT / "test/models/save_recorded.ts"), out], cwd=ROOT, check=True)
        for folder in sorted(pathlib.Path(out).iterdir()):
            family = folder.name.removesuffix(".sharded")
            if family in ELSEWHERE or (wanted and family not in wanted):
                continue
            try:
                text, is_right = check(folder, family)
            except Exception as error:
                text, is_right = f"FAILED: {type(error).__name__}: {error}", False
            print(f"{folder.name}: {text}", flush=True)
            failed += not is_right
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main(sys.argv[1:])
