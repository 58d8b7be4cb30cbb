"""Records what JAX and optax answer, for the tests to compare with. See README.md.

    python test/goldens/record.py            # every topic
    python test/goldens/record.py indexing   # some
"""

import importlib
import os
import pathlib
import sys
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from recording.recorder import Recorder, log  # noqa: E402

HERE = pathlib.Path(__file__).parent
TOPICS = [
    "numpy_creation",
    "numpy_elementwise",
    "numpy_movement",
    "numpy_reduction",
    "numpy_contraction",
    "indexing",
    "integers",
    "promotion",
    "random",
    "nn",
    "losses",
    "derivatives_numpy",
    "derivatives_nn",
    "derivatives_awkward",
    "second_order",
    "optimizers",
    "schedules",
    "random_cases",
    "reductions_where",
    "control",
    "attention",
    "linalg",
    "convolution",
    "numpy_numeric",
    "numpy_pieces",
    "lax_derived",
    "numpy_edges",
    "narrow",
]


def main(wanted):
    total = size = 0
    for seed, topic in enumerate(TOPICS):
        if wanted and topic not in wanted:
            continue
        start = time.time()
        recorder = Recorder(topic, seed)
        importlib.import_module(f"recording.{topic}").record(recorder)
        text = recorder.text()
        (HERE / "data" / f"{topic.replace('_', '-')}.json").write_text(text)
        total += len(recorder.cases)
        size += len(text)
        log(f"{topic}: {len(recorder.cases)} cases, {len(text) // 1024} KiB, {time.time() - start:.1f} s")
    log(f"{total} cases, {size // 1024} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
