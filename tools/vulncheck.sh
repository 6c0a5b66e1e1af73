#!/usr/bin/env bash
# Runs govulncheck, whose path is the argument. If the vulnerability database
# cannot be reached, it prints a notice and succeeds.
set -euo pipefail

database=${GOVULNDB:-https://vuln.go.dev}
if [[ $database != file://* ]] &&
  ! curl --silent --fail --location --max-time 20 --output /dev/null "$database/index/db.json"; then
  echo "NOTICE: $database cannot be reached, so govulncheck did NOT run"
  exit 0
fi
exec "$1" -db "$database" ./...
