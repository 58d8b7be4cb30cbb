"""Runs what examples/export.ts wrote, by the engine of JAX and by onnxruntime: accuracy, and the largest difference from Pullback's."""

import sys

import numpy as np

path = sys.argv[1]
arrays = dict(np.load(path + ".npz"))
labels, expected = arrays.pop("labels"), arrays.pop("probabilities")
inputs = [arrays[f"input{i}"] for i in range(len(arrays))]


def report(name, probabilities):
    accuracy = np.mean(np.argmax(probabilities, 1) == labels)
    difference = np.max(np.abs(probabilities - expected))
    print(f"{name:<12} {100 * accuracy:.1f} %, the largest difference of a probability is {difference:.1e}")


def by_jax():
    import jax
    from jax._src.interpreters import mlir
    from jaxlib import _jax
    from jaxlib.mlir import ir

    device = jax.devices()[0]
    with mlir.make_ir_context():
        module = ir.Module.parse(open(path + ".mlir").read())
        run = device.client.compile_and_load(module, _jax.DeviceList((device,)), _jax.CompileOptions())
    return np.asarray(run.execute([jax.device_put(x) for x in inputs])[0])


def by_onnxruntime():
    import onnxruntime

    session = onnxruntime.InferenceSession(path + ".onnx")
    return session.run(None, {"images": inputs[-1]})[0]


for name, run in [("JAX", by_jax), ("onnxruntime", by_onnxruntime)]:
    try:
        report(name, run())
    except ImportError as error:
        print(f"{name:<12} is not there ({error}): scripts/fetch-engines.sh gets it.")
