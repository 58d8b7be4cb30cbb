"""Topics of recorded cases: each module has a `record(r)` that adds its cases to a Recorder."""
