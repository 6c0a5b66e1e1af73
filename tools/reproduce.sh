#!/usr/bin/env bash
# Builds the archives for this platform twice, as a release does, and fails if
# their checksums differ. The builds use two clones of the current commit, with
# paths of different length, different time zones and umasks, and separate build
# caches. The argument is the path of goreleaser.
set -euo pipefail

goreleaser=$(realpath "$1")
root=$(git rev-parse --show-toplevel)
commit=$(git -C "$root" rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The release's own configuration, for this platform only.
sed -E "s/(&goos) .*/\1 [$(go env GOOS)]/; s/(&goarch) .*/\1 [$(go env GOARCH)]/" "$root/.goreleaser.yml" >"$work/config.yml"

build() (
  local clone=$1
  export TZ=$2
  umask "$3"
  git clone --quiet --no-checkout "$root" "$clone"
  cd "$clone"
  git -c advice.detachedHead=false checkout --quiet "$commit"
  "$goreleaser" release --snapshot --config "$work/config.yml" --skip=sign,sbom >"$clone.log" 2>&1 ||
    { cat "$clone.log"; exit 1; }
)

build "$work/a" UTC 022
GOCACHE=$work/cache build "$work/another/and/a/longer/path" Pacific/Auckland 077

archives=$(grep -cE '\.(zip|tar\.gz)$' "$work"/a/dist/*_SHA256SUMS)
if ((archives != 2)); then
  echo "$archives archives, want the provider's and the sandbox's for this platform" >&2
  exit 1
fi
if ! diff "$work"/a/dist/*_SHA256SUMS "$work"/another/and/a/longer/path/dist/*_SHA256SUMS; then
  echo "two builds of $commit differ" >&2
  exit 1
fi
go version
echo "two builds of $commit are the same:"
cat "$work"/a/dist/*_SHA256SUMS
