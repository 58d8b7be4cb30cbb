"""Schedules at their interesting steps."""

import numpy as np

from .encode import Call
from .recorder import to_jax

STEPS = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 15, 19, 20, 21, 25, 29, 30, 31, 40, 50, 99, 100, 101, 150]


def record(r):
    r.extra = {"steps": STEPS}
    for what, schedule in schedules():
        f = to_jax(schedule)
        values = np.array([float(f(np.int32(step))) for step in STEPS], np.float32)
        r.add(f"schedule: {what}", "schedule", [schedule], {}, values)


def c(name, *args, **options):
    return Call(f"optim.{name}", *args, **options)


def schedules():
    line = {"init_value": 1.0, "end_value": 0.1, "transition_steps": 20}
    power = {"init_value": 1.0, "transition_steps": 10, "decay_rate": 0.5}
    warm = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 10}
    pieces = {5: 0.5, 20: 0.1, 30: 2.0}
    yield from [
        ("constant", c("constantSchedule", 0.3)),
        ("linear", c("linearSchedule", **line)),
        ("linear, begins later", c("linearSchedule", **line, transition_begin=5)),
        ("linear, no steps", c("linearSchedule", init_value=1.0, end_value=0.1, transition_steps=0)),
        ("polynomial", c("polynomialSchedule", **line, power=2.0)),
        ("polynomial, rises", c("polynomialSchedule", init_value=0.0, end_value=2.0, power=3.0, transition_steps=30, transition_begin=3)),
        ("exponential", c("exponentialDecay", **power)),
        ("exponential, staircase", c("exponentialDecay", **power, staircase=True)),
        ("exponential, begins later, floor", c("exponentialDecay", **power, transition_begin=5, end_value=0.3)),
        ("exponential, rises to a bound", c("exponentialDecay", init_value=1.0, transition_steps=10, decay_rate=2.0, end_value=5.0)),
        ("cosine", c("cosineDecaySchedule", init_value=1.0, decay_steps=30)),
        ("cosine, alpha, exponent", c("cosineDecaySchedule", init_value=2.0, decay_steps=30, alpha=0.1, exponent=2.0)),
        ("piecewise constant", c("piecewiseConstantSchedule", init_value=1.0, boundaries_and_scales=pieces)),
        ("piecewise constant, no pieces", c("piecewiseConstantSchedule", init_value=1.0)),
        ("piecewise linear", c("piecewiseInterpolateSchedule", interpolate_type="linear", init_value=1.0, boundaries_and_scales=pieces)),
        ("piecewise cosine", c("piecewiseInterpolateSchedule", interpolate_type="cosine", init_value=1.0, boundaries_and_scales=pieces)),
        ("warm-up constant", c("warmupConstantSchedule", **warm)),
        ("warm-up cosine", c("warmupCosineDecaySchedule", **warm, decay_steps=50)),
        ("warm-up cosine, end, exponent", c("warmupCosineDecaySchedule", **warm, decay_steps=50, end_value=0.1, exponent=2.0)),
        ("warm-up exponential", c("warmupExponentialDecaySchedule", **warm, transition_steps=10, decay_rate=0.5)),
        ("warm-up exponential, staircase, floor", c("warmupExponentialDecaySchedule", **warm, transition_steps=10, decay_rate=0.5, staircase=True, end_value=0.2)),
        ("cosine one-cycle", c("cosineOnecycleSchedule", transition_steps=100, peak_value=1.0)),
        ("linear one-cycle", c("linearOnecycleSchedule", transition_steps=100, peak_value=1.0)),
        ("linear one-cycle, other parts", c("linearOnecycleSchedule", transition_steps=50, peak_value=2.0, pct_start=0.2, pct_final=0.7, div_factor=10.0, final_div_factor=100.0)),
        ("sgdr", c("sgdrSchedule", [{**warm, "decay_steps": 30}, {**warm, "decay_steps": 70, "end_value": 0.1}])),
        ("join", c("joinSchedules", [c("constantSchedule", 1.0), c("linearSchedule", **line), c("constantSchedule", 0.0)], [10, 30])),
    ]
