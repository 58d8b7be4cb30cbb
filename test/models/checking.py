"""What check_saved.py and check_gguf.py have in common: recorded cases, and a report of what becomes of each."""

import transformers
from safetensors.torch import load_file


def cases_of(folder):
    """The recorded cases of a family: its name, the inputs and the outputs of each."""
    for path in sorted(folder.glob("*.safetensors")):
        if path.stem == "model":
            continue
        recorded = load_file(path)
        inputs = {name.removeprefix("input."): x for name, x in recorded.items() if name.startswith("input.")}
        outputs = {name: x for name, x in recorded.items() if not name.startswith("input.")}
        yield path.stem, inputs, outputs


def report(paths, family_of, wanted, check):
    """Prints what `check(path, family)` says of each path, a text and whether it is right; returns how many are not."""
    transformers.logging.set_verbosity_error()
    failed = 0
    for path in paths:
        family = family_of(path)
        if wanted and family not in wanted:
            continue
        try:
            text, is_right = check(path, family)
        except Exception as error:
            text, is_right = f"FAILED: {type(error).__name__}: {error}", False
        print(f"{path.name}: {text}", flush=True)
        failed += not is_right
    print(f"{failed} failed")
    return failed
