"""Records small files of every format that pullback/io reads, with what they hold, into data/.

    python -m venv venv && venv/bin/pip install -r test/io/requirements.txt
    venv/bin/python test/io/record.py

Recording again changes legacy.pth only, whose storages are named by addresses.

Each file NAME has NAME.json beside it: for each tensor its shape, the dtype that it has in Pullback, and its elements as base64 of
their little-endian bytes.
"""

import base64
import json
import pathlib
from collections import OrderedDict

import gguf
import ml_dtypes
import numpy as np
import onnx
import torch
from gguf import GGMLQuantizationType as Q
from safetensors.torch import save_file

DATA = pathlib.Path(__file__).parent / "data"
DTYPES = {
    "float8_e4m3fn": "float32",
    "float8_e5m2": "float32",
    "float8_e8m0fnu": "float32",
}


def described(array):
    """An array as it is expected in Pullback."""
    array = np.asarray(array)
    dtype = DTYPES.get(str(array.dtype), str(array.dtype))
    stored = array if dtype == str(array.dtype) else array.astype(dtype)
    return {
        "shape": list(array.shape),
        "dtype": dtype,
        "data": base64.b64encode(np.ascontiguousarray(stored).tobytes()).decode(),
    }


def write_expected(name, tensors, **rest):
    content = {"tensors": {key: described(value) for key, value in tensors.items()}, **rest}
    (DATA / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def numpy_of(tensor):
    """A torch tensor as NumPy's, 16- and 8-bit floats included."""
    views = {
        torch.bfloat16: (torch.uint16, ml_dtypes.bfloat16),
        torch.float8_e4m3fn: (torch.uint8, ml_dtypes.float8_e4m3fn),
        torch.float8_e5m2: (torch.uint8, ml_dtypes.float8_e5m2),
        torch.float8_e8m0fnu: (torch.uint8, ml_dtypes.float8_e8m0fnu),
    }
    if tensor.dtype in views:
        bits, dtype = views[tensor.dtype]
        return tensor.contiguous().view(bits).numpy().view(dtype)
    return tensor.contiguous().numpy()


def torch_tensors():
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(3, 5, generator=generator)
    integers = torch.arange(-3, 9)
    every_byte = torch.arange(256).to(torch.uint8)
    return {
        "f32": normal,
        "f64": normal.double() * 1e100,
        "f16": normal.half(),
        "bf16": normal.bfloat16(),
        "f8_e4m3": every_byte.clone().view(torch.float8_e4m3fn).reshape(16, 16),
        "f8_e5m2": every_byte.clone().view(torch.float8_e5m2),
        "f8_e8m0": every_byte.clone().view(torch.float8_e8m0fnu),
        "i64": integers * 2**40,
        "i32": integers.int().reshape(3, 4),
        "i16": integers.short(),
        "i8": integers.char(),
        "u8": every_byte,
        "u16": torch.tensor([0, 1, 65535], dtype=torch.uint16),
        "u32": torch.tensor([0, 1, 2**32 - 1], dtype=torch.uint32),
        "u64": torch.tensor([0, 1, 2**63 - 1], dtype=torch.uint64),
        "bool": normal > 0,
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
        "odd name: \u00e9 \u4e2d \" \\ \n": torch.ones(1),
        "special": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]),
    }


def record_safetensors():
    tensors = torch_tensors()
    save_file(tensors, DATA / "all.safetensors", metadata={"note": "\u00fc"})
    (DATA / "all.safetensors").chmod(0o644)
    write_expected("all.safetensors", {k: numpy_of(t) for k, t in tensors.items()}, metadata={"note": "\u00fc"})


def record_numpy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    arrays = {
        "f4": x.astype("f4"),
        "f8": x,
        "f2": x.astype("f2"),
        "big": x.astype(">f4"),
        "fortran": np.asfortranarray(x),
        "fortran_int": np.asfortranarray(np.arange(12).reshape(3, 4)),
        "i1": np.arange(-4, 4, dtype="i1"),
        "i2": np.arange(-4, 4, dtype="i2"),
        "i4": np.arange(-4, 4, dtype=">i4"),
        "i8": np.arange(-4, 4, dtype="i8"),
        "u1": np.arange(8, dtype="u1"),
        "u2": np.arange(8, dtype=">u2"),
        "u4": np.arange(8, dtype="u4"),
        "u8": np.arange(8, dtype="u8"),
        "bool": x > 0,
        "scalar": np.float32(2.5),
        "empty": np.zeros((0, 2), "f4"),
    }
    native = {k: v.astype(v.dtype.newbyteorder("="), order="C") if v.ndim else v for k, v in arrays.items()}
    np.savez(DATA / "stored.npz", **arrays)
    np.savez_compressed(DATA / "deflated.npz", **arrays)
    for name in ["stored.npz", "deflated.npz"]:
        write_expected(name, native)
    np.save(DATA / "one.npy", arrays["fortran"])
    write_expected("one.npy", {"one": native["fortran"]})
    with open(DATA / "version3.npy", "wb") as file:
        np.lib.format.write_array(file, arrays["f4"], version=(3, 0))
    write_expected("version3.npy", {"one": arrays["f4"]})


def random_blocks(kind, count, rng):
    """Blocks of random bits whose 16-bit scales are ordinary numbers."""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    halves = {
        Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0],
        Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208],
    }[kind]
    for place in halves:
        scales = (rng.normal(size=count) * 10.0 ** rng.integers(-4, 2, count)).astype(np.float16)
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks


def record_gguf():
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(DATA / "all.gguf", "llama")
    writer.add_uint32("a.u32", 7)
    writer.add_int64("a.i64", -(2**60))
    writer.add_float32("a.f32", 1e-5)
    writer.add_float64("a.f64", 0.1)
    writer.add_bool("a.bool", True)
    writer.add_string("a.string", "\u4e2d\u6587 \U0001f600")
    writer.add_array("a.strings", ["x", "", "\u00e9"])
    writer.add_array("a.numbers", [1, -2, 3])
    expected = {}
    for kind in [Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.Q4_K, Q.Q5_K, Q.Q6_K]:
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        per_row = 512 // elements
        blocks = random_blocks(kind, 6 * per_row, rng).reshape(6, per_row * size)
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        expected[kind.name] = gguf.quants.dequantize(blocks, kind)
    plain = rng.normal(size=(2, 3, 4))
    for name, array in {"F32": plain.astype("f4"), "F16": plain.astype("f2"), "F64": plain, "I8": np.arange(5, dtype="i1"),
                        "I16": np.arange(5, dtype="i2"), "I32": np.arange(5, dtype="i4"), "I64": np.arange(5, dtype="i8")}.items():
        writer.add_tensor(name, array)
        expected[name] = array
    bf16 = plain.astype("f4").astype(ml_dtypes.bfloat16)
    writer.add_tensor("BF16", bf16.view(np.uint16).view(np.uint8), raw_dtype=Q.BF16)
    expected["BF16"] = bf16
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    write_expected("all.gguf", expected)


def record_onnx():
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 3)).astype("f4")
    arrays = {
        "raw_f32": x, "raw_f64": x.astype("f8"), "raw_f16": x.astype("f2"), "raw_i64": np.arange(4) - 2,
        "raw_i32": np.arange(4, dtype="i4"), "raw_u16": np.arange(4, dtype="u2"), "raw_i16": np.arange(4, dtype="i2") - 2,
        "raw_bool": x > 0, "raw_u8": np.arange(4, dtype="u1"), "raw_u64": np.arange(4, dtype="u8"),
        "raw_bf16": x.astype(ml_dtypes.bfloat16), "raw_f8": x.astype(ml_dtypes.float8_e4m3fn),
        "scalar": np.float32(3.5), "empty": np.zeros((0, 2), "f4"),
    }
    initializers = [numpy_helper.from_array(np.asarray(a), name) for name, a in arrays.items()]
    listed = {
        "list_f32": (TensorProto.FLOAT, x), "list_f64": (TensorProto.DOUBLE, x.astype("f8")),
        "list_i64": (TensorProto.INT64, np.arange(6).reshape(2, 3) - 3), "list_i32": (TensorProto.INT32, np.arange(6, dtype="i4") - 3),
        "list_i8": (TensorProto.INT8, np.arange(6, dtype="i1") - 3), "list_u32": (TensorProto.UINT32, np.arange(6, dtype="u4")),
        "list_f16": (TensorProto.FLOAT16, x.astype("f2")), "list_bool": (TensorProto.BOOL, x > 0),
    }
    for name, (kind, array) in listed.items():
        initializers.append(helper.make_tensor(name, kind, array.shape, array.flatten().tolist()))
        arrays[name] = array
    node = helper.make_node("Identity", ["raw_f32"], ["y"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])
    graph = helper.make_graph([node], "graph", [], [output], initializers)
    model = helper.make_model(graph)
    helper.set_model_props(model, {"key": "value"})
    onnx.save(model, DATA / "all.onnx")
    write_expected("all.onnx", arrays)
    big = helper.make_graph([node], "graph", [], [output], [numpy_helper.from_array(x, "raw_f32"), numpy_helper.from_array(2 * x, "twice")])
    onnx.save_model(helper.make_model(big), DATA / "external.onnx", save_as_external_data=True, location="external.bin", size_threshold=0)
    write_expected("external.onnx", {"raw_f32": x, "twice": 2 * x})


def record_pytorch():
    supported = {k: t for k, t in torch_tensors().items() if not k.startswith(("f8", "u16", "u32", "u64"))}
    base = torch.arange(24.0).reshape(2, 3, 4)
    views = {
        "view.transposed": base.transpose(0, 2),
        "view.slice": base[:, 1:, ::2],
        "view.expanded": torch.tensor([1.0, 2.0]).reshape(2, 1).expand(2, 3),
        "view.shared": base,
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
    }
    state = OrderedDict({**supported, **views})
    torch.save(state, DATA / "state.pth")
    expected = {k: numpy_of(t.detach()) for k, t in state.items()}
    write_expected("state.pth", expected)
    torch.save(state, DATA / "legacy.pth", _use_new_zipfile_serialization=False)
    write_expected("legacy.pth", expected)
    nested = {"epoch": 3, "lr": 1e-3, "name": "run", "done": False, "none": None,
              "model": torch.nn.Linear(2, 3).state_dict(), "list": [torch.zeros(2), (torch.ones(1), "x")]}
    torch.save(nested, DATA / "nested.pth")
    write_expected("nested.pth", {
        "model.weight": numpy_of(nested["model"]["weight"]), "model.bias": numpy_of(nested["model"]["bias"]),
        "list.0": np.zeros(2, "f4"), "list.1.0": np.ones(1, "f4"),
    }, metadata={"epoch": 3, "lr": 1e-3, "name": "run", "done": False, "none": None, "list.1.1": "x"})

    class Evil:
        def __reduce__(self):
            return print, ("executed",)

    torch.save({"evil": Evil()}, DATA / "evil.pth")


DATA.mkdir(exist_ok=True)
# Weights are appended to a file that is there.
(DATA / "external.bin").unlink(missing_ok=True)
torch.manual_seed(0)
record_safetensors()
record_numpy()
record_gguf()
record_onnx()
record_pytorch()
