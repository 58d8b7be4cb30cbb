"""A contestant in Python: `worker.py jax|torch`. Requests and replies are lines of JSON; see harness/protocol.ts."""

import base64
import importlib
import json
import sys
import time
import traceback

works = importlib.import_module(f"{sys.argv[1]}_works").WORKS
run = values = None


def make(request):
    global run, values
    if request["row"] not in works:
        return {"able": False}
    run, values = works[request["row"]]()
    return {"able": True}


def encoded(array):
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def timed(request):
    start = time.perf_counter()
    for _ in range(request["calls"]):
        run()
    return {"milliseconds": (time.perf_counter() - start) * 1000}


answers = {
    "make": make,
    "values": lambda request: {"values": [encoded(array) for array in values()]},
    "losses": lambda request: {"losses": [run() for _ in range(request["steps"])]},
    "time": timed,
}


def answer(request):
    try:
        return answers[request["kind"]](request)
    except Exception:
        return {"error": traceback.format_exc()}


def send(message):
    print(json.dumps(message), flush=True)


send({"ready": True})
for line in sys.stdin:
    send(answer(json.loads(line)))
