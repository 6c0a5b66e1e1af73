#!/bin/sh
# Replaces tofu in PATH, and applies a plan only if the gate lets it pass. It needs
# jq.
#
#   GATED          the folder of the real tofu and of gate.jq
#   HEARTBEAT_URL  a URL to call after each successful apply
set -eu
umask 077

gated=${GATED:-/usr/local/lib/gated}

case ${1:-} in
apply) ;;
destroy)
  echo 'The gate does not let destroy pass.' >&2
  exit 1
  ;;
*) exec "$gated/tofu" "$@" ;;
esac

# The plan is the last argument. Without one, apply would make a plan of its own.
plan=
for plan; do :; done
if [ ! -f "$plan" ]; then
  echo 'The gate lets only a saved plan be applied.' >&2
  exit 1
fi
json=$(mktemp)
trap 'rm -f "$json"' EXIT
"$gated/tofu" show -json "$plan" >"$json"
jq -nr -f "$gated/gate.jq" "$json" >&2

"$gated/tofu" "$@"

if [ -n "${HEARTBEAT_URL:-}" ]; then
  wget -q -T 10 -O /dev/null "$HEARTBEAT_URL" || echo 'The heartbeat could not be sent.' >&2
fi
