"""Records what transformers makes of pictures with Pillow, into images/: configurations, pictures and pixel values.

    python -m venv venv && venv/bin/pip install -r test/models/requirements.txt
    venv/bin/python test/models/record_images.py
"""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

OUT = pathlib.Path(__file__).parent / "images"
SIZES = [(13, 17), (31, 20), (5, 4), (1, 1), (9, 9), (3, 40)]


def pictures():
    """Noise, which overshoots under bicubic filters, and a smooth picture."""
    random = np.random.default_rng(0)
    for height, width in SIZES:
        yield f"{height}x{width}", random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = np.mgrid[0:24, 0:36]
    yield "smooth", np.stack([rows * 10, columns * 7, (rows + columns) * 4], -1).astype(np.uint8)


def processors():
    def of(kind, size, **more):
        return kind(size=size, **more)

    square = {"height": 8, "width": 8}
    for resample, name in [(1, "lanczos"), (2, "bilinear"), (3, "bicubic"), (4, "box")]:
        yield f"vit-{name}", of(ViTImageProcessorPil, square, resample=resample)
    yield "vit-oblong", of(ViTImageProcessorPil, {"height": 21, "width": 6}, image_mean=[0.1, 0.5, 0.9], image_std=[0.3, 0.2, 0.7])
    yield "vit-one-side", of(ViTImageProcessorPil, {"height": 13, "width": 17}, resample=3)
    yield "vit-shortest", of(ViTImageProcessorPil, {"shortest_edge": 7}, resample=3)
    yield "vit-crop", of(ViTImageProcessorPil, {"shortest_edge": 9}, do_center_crop=True, crop_size={"height": 6, "width": 7})
    yield "vit-crop-beyond", of(ViTImageProcessorPil, {"shortest_edge": 5}, do_center_crop=True, crop_size={"height": 12, "width": 9})
    yield "vit-crop-only", of(ViTImageProcessorPil, square, do_resize=False, do_center_crop=True, crop_size={"height": 10, "width": 10})
    yield "vit-rescale-only", of(ViTImageProcessorPil, square, do_normalize=False, rescale_factor=0.01)
    yield "vit-normalise-only", of(ViTImageProcessorPil, square, do_rescale=False, image_mean=[127.5] * 3, image_std=[60.0, 61.0, 62.0])
    yield "deit", of(DeiTImageProcessorPil, {"height": 12, "width": 12}, crop_size={"height": 8, "width": 8})
    yield "convnext-small", of(ConvNextImageProcessorPil, {"shortest_edge": 8})
    yield "convnext-part", of(ConvNextImageProcessorPil, {"shortest_edge": 8}, crop_pct=0.95, resample=2)


def main():
    OUT.mkdir(exist_ok=True)
    images = dict(pictures())
    tensors = {f"image.{name}": torch.from_numpy(image) for name, image in images.items()}
    configs = {}
    for kind, processor in processors():
        configs[kind] = json.loads(processor.to_json_string())
        for name, image in images.items():
            values = processor(image, input_data_format="channels_last", return_tensors="np")["pixel_values"]
            tensors[f"pixel_values.{kind}.{name}"] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    (OUT / "images.safetensors").write_bytes(save(tensors))
    (OUT / "configs.json").write_text(json.dumps(configs, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
