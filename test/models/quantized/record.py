"""Records what gguf-py, llama.cpp's own library, makes of floats, into blocks.json.

    python -m venv venv && venv/bin/pip install -r test/models/quantized/requirements.txt
    venv/bin/python test/models/quantized/record.py

For each kind of blocks: values as base64 of little-endian float32, and the blocks they become as base64.
"""

import base64
import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType as Q
from gguf.quants import quantize

KINDS = [Q.Q8_0, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1]


def values():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(24, 32)) * 10.0 ** rng.integers(-6, 4, size=(24, 1)) for _ in range(8)]
    rows.append(np.zeros((1, 32)))
    rows.append(np.full((1, 32), -3.5))
    # Ties of every kind: multiples of a scale and halves between them.
    rows.append(np.arange(32).reshape(1, 32) - 15.5)
    rows.append(np.linspace(-127, 127, 32).reshape(1, 32).round() / 2)
    rows.append(np.linspace(-8, 7, 32).reshape(1, 32))
    # Two of the largest size, of different signs; scales that underflow in float16.
    rows.append(np.array([[7.0, -7.0, *range(30)]]) / 30)
    rows.append(rng.normal(size=(2, 32)) * 1e-9)
    rows.append(rng.uniform(size=(16, 32)))
    return np.concatenate(rows).astype(np.float32)


def encoded(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


x = values()
content = {"values": encoded(x), "blocks": {kind.name.lower(): encoded(quantize(x, kind)) for kind in KINDS}}
path = pathlib.Path(__file__).parent / "blocks.json"
path.write_text(json.dumps(content, indent=1) + "\n")
