"""Compiles and runs modules of StableHLO with jaxlib: a line of JSON in, `{module, inputs}`, a line out, `{outputs}` or `{error}`."""

import base64
import json
import os
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax

jax.config.update("jax_enable_x64", True)
import ml_dtypes
import numpy as np
from jax._src.interpreters import mlir
from jaxlib import _jax
from jaxlib.mlir import ir

DTYPES = {"bfloat16": ml_dtypes.bfloat16}
device = jax.devices()[0]


def array(value):
    dtype = np.dtype(DTYPES.get(value["dtype"], value["dtype"]))
    data = np.frombuffer(base64.b64decode(value["data"]), dtype=dtype)
    return jax.device_put(data.reshape(value["shape"]), device)


def run(module, inputs):
    with mlir.make_ir_context():
        parsed = ir.Module.parse(module)
        parsed.operation.verify()
        executable = device.client.compile_and_load(parsed, _jax.DeviceList((device,)), _jax.CompileOptions())
    outputs = executable.execute([array(x) for x in inputs])
    return [base64.b64encode(np.ascontiguousarray(np.asarray(y)).tobytes()).decode() for y in outputs]


print(json.dumps({"ready": jax.__version__}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"outputs": run(asked["module"], asked["inputs"])}
    except Exception as error:  # the text of a refused module is what the test reports
        answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
    print(json.dumps(answer), flush=True)
