"""Records what TensorBoard's own writer makes of the events of two runs, into data/*.tfevents, and reads them back by its own loader.

    python -m venv venv && venv/bin/pip install tensorboard
    venv/bin/python test/train/loop/record.py

Recorded with tensorboard 2.21.
"""

import pathlib

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

DATA = pathlib.Path(__file__).parent / "data"
CLOCK = 1700000000.125


def scalars(step, **values):
    value = [summary_pb2.Summary.Value(tag=tag, simple_value=x) for tag, x in values.items()]
    return event_pb2.Event(wall_time=CLOCK, step=step, summary=summary_pb2.Summary(value=value))


def write(name, events):
    with open(DATA / name, "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()


def main():
    DATA.mkdir(exist_ok=True)
    version = event_pb2.Event(wall_time=CLOCK, file_version="brain.Event:2")
    start = event_pb2.Event(wall_time=CLOCK, step=3, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))
    losses = [1.5, 0.75, float("inf"), -0.0]
    steps = [scalars(i + 1, loss=x, tokens=128.0 * (i + 1)) for i, x in enumerate(losses)]
    write("whole.tfevents", [version, *steps])
    write("goneOn.tfevents", [version, start, *steps[2:]])
    read = EventAccumulator(str(DATA / "whole.tfevents"))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss")] == [(i + 1, x) for i, x in enumerate(losses)]


main()
