"""MiniLM in ONNX for transformers.js: `export_onnx.py ROOT` writes ROOT/onnx-minilm. Needs torch, transformers and onnx, and no network."""

import pathlib
import shutil
import sys
import warnings

import torch
import transformers

warnings.filterwarnings("ignore")
root = pathlib.Path(sys.argv[1])
source = next(root.glob("**/model/model.safetensors")).parent
target = root / "onnx-minilm"
(target / "onnx").mkdir(parents=True, exist_ok=True)
model = transformers.AutoModel.from_pretrained(source, attn_implementation="eager").eval()
names = ["input_ids", "attention_mask", "token_type_ids"]


class Hidden(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        return self.model(**dict(zip(names, inputs, strict=True))).last_hidden_state


ids = torch.randint(1000, 30000, (2, 8))
axes = {name: {0: "batch", 1: "length"} for name in [*names, "last_hidden_state"]}
torch.onnx.export(
    Hidden(),
    (ids, torch.ones_like(ids), torch.zeros_like(ids)),
    str(target / "onnx" / "model.onnx"),
    dynamo=False,
    input_names=names,
    output_names=["last_hidden_state"],
    dynamic_axes=axes,
    opset_version=17,
)
for name in ["config.json", "tokenizer.json", "tokenizer_config.json"]:
    if (source / name).exists():
        shutil.copy(source / name, target / name)
