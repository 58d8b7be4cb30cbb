"""Whether PEFT loads what `saveAdapter` writes, and computes the same: adapters of every method are saved, loaded by
`PeftModel.from_pretrained`, and run. Exits with 1 if one fails.

    venv/bin/python test/train/methods/check_saved.py
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import peft
import record
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).parents[3]
TOLERANCE = 1e-5


def check(folder):
    family = (folder / "family.txt").read_text()
    expected = load_file(folder / "expected.safetensors")
    inputs = {name.removeprefix("input."): x.long() for name, x in expected.items() if name.startswith("input.")}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = peft.PeftModel.from_pretrained(record.model_of(family), folder).eval()
    keys = [str(w.message).split("\n")[0][:100] for w in said if "key" in str(w.message).lower()]
    off = (record.logits(model, inputs) - expected["tuned"]).abs().max().item()
    moved = (expected["tuned"] - expected["plain"]).abs().max().item()
    merged = (record.logits(model.merge_and_unload(), inputs) - expected["tuned"]).abs().max().item()
    # PEFT adds to a weight that two modules share twice as it merges.
    good = off < TOLERANCE and (merged < TOLERANCE or "tied" in family) and moved > 1e-3 and not keys
    print(f"{'ok  ' if good else 'FAIL'} {folder.name}: moves by {moved:.2g}, PEFT differs by {off:.1g}, merged by {merged:.1g} {keys}")
    return good


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as out:
        script = ["npx", "tsx", "--conditions=source", "test/train/methods/save_adapters.ts", out]
        subprocess.run(script, cwd=ROOT, check=True)
        results = [check(folder) for folder in sorted(pathlib.Path(out).iterdir())]
    sys.exit(0 if all(results) and results else 1)
