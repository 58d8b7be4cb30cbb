#!/usr/bin/env bash
# Gets what runs exported programs in tests: jaxlib, for StableHLO, and onnxruntime, for ONNX. It goes to .engines (or the folder that is
# named) and stays there; nothing is installed into Python itself. Needs Python 3.11 or later with pip.
set -uo pipefail
cd "$(dirname "$0")/.."
target=${1:-.engines}/python
packages=(jax==0.10.2 jaxlib==0.10.2 onnx==1.23.2 onnxruntime==1.32.0)

[ -f "$target/installed" ] && [ "$(cat "$target/installed")" = "${packages[*]}" ] && exit 0
# Installed beside its place, so that what was interrupted is not taken for all.
rm -rf "$target.part"
python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --target "$target.part" "${packages[@]}" &&
  echo "${packages[*]}" >"$target.part/installed" && rm -rf "$target" && mv "$target.part" "$target" &&
  echo "${packages[*]} is in $target." && exit 0
rm -rf "$target.part"
echo "${packages[*]} could not be had: tests that run exported programs are skipped, and their names say so." >&2
exit 1
