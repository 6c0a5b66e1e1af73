#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version; the argument is its tag, such as v0.1.0.
# It fails if the version has no section or no date.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1#v}
heading=$(grep -E "^## ${version//./\\.} " CHANGELOG.md || true)
if [[ ! $heading =~ \([A-Z][a-z]+\ [0-9]{1,2},\ [0-9]{4}\)$ ]]; then
  echo "CHANGELOG.md needs the heading \"## $version (Month D, YYYY)\", has: ${heading:-none}" >&2
  exit 1
fi
awk -v heading="$heading" '
  /^## / { inside = ($0 == heading); next }
  inside && (started || NF) { started = 1; print }' CHANGELOG.md
