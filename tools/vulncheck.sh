#!/usr/bin/env bash
# Looks for known vulnerabilities in the provider and in the modules under tools/, as
# built with the Go version of go.mod. The argument is the path of govulncheck.
#
# The database is GOVULNDB, else the published one, else its copy in the module
# golang.org/x/vulndb. Without any, it prints NOT CHECKED and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."

govulncheck=$1

# Findings of tools that no version fixes, and why they cannot matter here.
accepted=(
  GO-2026-6905 # blakesmith/ar reads .deb files, for GoReleaser: none are built here
  GO-2026-6225 # docker-credential-acr-env logs in to Azure, for GoReleaser: never called
)

database() {
  if [[ -n ${GOVULNDB:-} ]]; then
    echo "$GOVULNDB"
  elif curl --silent --fail --location --max-time 20 --output /dev/null https://vuln.go.dev/index/db.json; then
    echo https://vuln.go.dev
  else
    (cd / && go mod download golang.org/x/vulndb@latest) >/dev/null 2>&1 || true
    local copies=("$(go env GOMODCACHE)"/golang.org/x/vulndb@*/data/osv)
    [[ ! -d ${copies[-1]} ]] || echo "file://${copies[-1]}"
  fi
}

db=$(database)
if [[ -z $db ]]; then
  echo 'NOT CHECKED: known vulnerabilities, because no database can be reached'
  exit 0
fi

GOVERSION=$(awk '$1 == "toolchain" { print $2 }' go.mod)
export GOVERSION
echo "database: $db, $GOVERSION"

status=0
echo 'the provider: code that it calls'
"$govulncheck" -db "$db" ./... || status=1

# Package by package: a call graph of every tool would take many minutes.
for module in tools/go.mod tools/*/go.mod; do
  module=${module%/go.mod}
  echo "$module: packages that it imports"
  findings=$("$govulncheck" -C "$module" -db "$db" -scan package tool) || {
    ids=$(grep -oE '^Vulnerability #[0-9]+: GO-[0-9-]+' <<<"$findings" | grep -oE 'GO-.*' || true)
    rest=$(grep -vxF "$(printf '%s\n' "${accepted[@]}")" <<<"$ids" || true)
    if [[ -z $ids || -n $rest ]]; then
      printf '%s\n' "$findings"
      status=1
    fi
  }
done
exit "$status"
