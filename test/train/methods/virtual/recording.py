"""What the recorders of adapters of virtual tokens have in common."""

import json
import pathlib
import shutil

import peft
import torch

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parents[2] / "models" / "data"


def adapted(model, config, generator):
    """The model with an adapter in which nothing is zero."""
    tuned = peft.get_peft_model(model, config).eval()
    for _, parameter in tuned.named_parameters():
        if parameter.requires_grad:
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return tuned


def save(tuned, folder):
    """Saves an adapter as PEFT does, in a folder that is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    tuned.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    # The path of this machine is no part of what is recorded.
    path = folder / "adapter_config.json"
    saved = json.loads(path.read_text())
    saved["base_model_name_or_path"] = "tiny"
    path.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
