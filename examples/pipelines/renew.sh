#!/bin/sh
# Renews sessions unattended. It succeeds if each of them lives, or ended before its
# time. The provider refuses every other change (PALABRA_RENEW_ONLY). It needs
# terraform or tofu, jq and curl.
#
#   ENGINE         the engine's command; default: terraform
#   SUMMARY_FILE   a file to append the summary to; default: print it
#   HEARTBEAT_URL  a URL to call after each night that succeeds
set -u
umask 077
export PALABRA_RENEW_ONLY=true TF_CLI_ARGS_apply="${TF_CLI_ARGS_apply:--lock-timeout=5m}"

engine=${ENGINE:-terraform}
runbook=https://registry.terraform.io/providers/palabra-community/palabra/latest/docs/guides/when-a-night-fails
work=$(mktemp -d) || exit 1
errors=$work/errors
trap 'rm -rf "$work"' EXIT

# After one signal, the engine saves the state and releases its lock. After a second
# one it does neither. So it runs in a session of its own, which a signal to the group
# of this script does not reach, and only one signal is forwarded.
child='' stopped='' forwarded='' apart=$(command -v setsid)
stop() {
  stopped=$1
  if [ -n "$child" ] && [ -z "$forwarded" ]; then
    forwarded=yes
    kill -TERM "$child"
  fi
}
trap 'stop TERM' TERM
trap 'stop INT' INT
trap 'stop HUP' HUP

run() {
  $apart "$engine" "$@" 2>"$errors" &
  child=$!
  [ -z "$stopped" ] || stop "$stopped"
  wait "$child"
  code=$?
  # A signal ends wait before the engine has ended.
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=''
  cat "$errors" >&2
  return "$code"
}

# state also works where init found no provider: it asks only the backend.
state() {
  "$engine" state pull 2>/dev/null || (
    export TF_DATA_DIR="$work/.terraform"
    cp backend.tf "$work" && cd "$work" || exit
    "$engine" init -input=false -plugin-dir=. >/dev/null 2>&1
    "$engine" state pull
  )
}

table() {
  state | jq -er '
    [.resources[]? | select(.mode == "managed" and (.type == "palabra_session_expiry" or .type == "palabra_session"))
      | ([.module // empty, .type, .name] | join(".")) as $address
      | .instances[]
      | "| `" + $address + (if has("index_key") then "[\(.index_key | tojson)]" else "" end) + "` | "
        + (.attributes | if .expired then "**expired**" elif .active == false then "ended before its time"
            else "lives at least until \(.expires_at)" end) + " |"]
    | "| session | according to the state |", "| --- | --- |", .[]'
}

why=''
if ! run init -input=false -no-color -lockfile=readonly; then
  why='init failed.'
elif [ -z "$stopped" ] && ! run apply -input=false -no-color -auto-approve; then
  why='apply failed.'
fi
[ -z "$stopped" ] || why="The signal $stopped stopped the run."
if ! sessions=$(table); then
  sessions='The state could not be read, so it is not known which session lives until when.'
  why=${why:-$sessions}
fi
case $sessions in
*'**expired**'*) why="${why:+$why }Sessions expired, because nobody renewed them in time. Remove their lines from the variable, or name other sessions and run apply.sh." ;;
esac

{
  if [ -z "$why" ]; then
    printf '### Sessions are alive\n\n%s\n' "$sessions"
  else
    printf '### Sessions need a person\n\n%s\n\n' "$why"
    # Indented, so that it is code in Markdown.
    sed -n '/Error: /,$p' "$errors" | head -n 20 | sed 's/^/    /'
    printf '\n%s\n\nWhat to do: %s\n' "$sessions" "$runbook"
  fi
} | if [ -n "${SUMMARY_FILE:-}" ]; then tee -a "$SUMMARY_FILE"; else cat; fi

[ -z "$why" ] || exit 1
# The monitor itself reports a missing heartbeat.
if [ -n "${HEARTBEAT_URL:-}" ]; then
  curl -fsS -o /dev/null --max-time 10 --retry 3 "$HEARTBEAT_URL" || echo 'The heartbeat could not be sent.' >&2
fi
