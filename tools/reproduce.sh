#!/usr/bin/env bash
# Builds the provider for this platform twice, as a release does, and fails when
# the two executables differ: from two clones of the present commit, on paths of
# different length, in different time zones and with different umasks, the second
# one without any object of the build cache. The argument is the path of
# goreleaser.
set -euo pipefail

goreleaser=$(realpath "$1")
root=$(git rev-parse --show-toplevel)
commit=$(git -C "$root" rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() (
  local clone=$1
  export TZ=$2
  umask "$3"
  git clone --quiet --no-checkout "$root" "$clone"
  cd "$clone"
  git -c advice.detachedHead=false checkout --quiet "$commit"
  "$goreleaser" build --snapshot --single-target --id provider --output "$clone/executable" >"$clone.log" 2>&1 ||
    { cat "$clone.log"; exit 1; }
)

build "$work/a" UTC 022
GOCACHE=$work/cache build "$work/another/and/a/longer/path" Pacific/Auckland 077

first=$(sha256sum <"$work/a/executable")
second=$(sha256sum <"$work/another/and/a/longer/path/executable")
if [[ $first != "$second" ]]; then
  printf 'two builds of %s differ:\n%s\n%s\n' "$commit" "$first" "$second"
  exit 1
fi
printf '%s\ntwo builds of %s are the same: %s\n' "$(go version)" "$commit" "${first%% *}"
