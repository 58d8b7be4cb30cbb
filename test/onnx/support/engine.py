"""Checks and runs models of ONNX with onnxruntime: a line of JSON in, `{model, inputs}`, a line out, `{outputs}` or `{error}`."""

import base64
import json
import sys

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
# What numpy has no dtype for goes in and out by its bits.
BITS = {"bfloat16": (np.uint16, onnx.TensorProto.BFLOAT16)}


def value(given):
    bits = BITS.get(given["dtype"])
    data = np.frombuffer(base64.b64decode(given["data"]), dtype=np.dtype(bits[0] if bits else given["dtype"]))
    data = data.reshape(given["shape"])
    if bits is None:
        return onnxruntime.OrtValue.ortvalue_from_numpy(data)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(data.copy(), bits[1])


def run(model, given):
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    feeds = [value(x) for x in given]
    for x, feed in zip(given, feeds):
        binding.bind_ortvalue_input(x["name"], feed)
    places = {}
    for info in session.get_outputs():
        if info.type != "tensor(bfloat16)":
            binding.bind_output(info.name)
            continue
        places[info.name] = np.zeros(info.shape, np.uint16)
        held = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(places[info.name], onnx.TensorProto.BFLOAT16)
        binding.bind_ortvalue_output(info.name, held)
    session.run_with_iobinding(binding)
    results = zip(session.get_outputs(), binding.get_outputs())
    arrays = [places[info.name] if info.name in places else y.numpy() for info, y in results]
    return [base64.b64encode(np.ascontiguousarray(y).tobytes()).decode() for y in arrays]


print(json.dumps({"ready": onnxruntime.__version__}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"outputs": run(base64.b64decode(asked["model"]), asked["inputs"])}
    except Exception as error:  # what the engine says against a model is what the test reports
        answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
    print(json.dumps(answer), flush=True)
