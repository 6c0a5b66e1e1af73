#!/bin/sh
# Fails if no nightly run has succeeded for too long. Run it on a schedule of its
# own, so that it notices if the nightly runs stop. It needs jq.
#
#   watch.sh 2026-01-31T02:17:09Z   when the last run succeeded; '' for never
#   MAX_DAYS                        days without success to accept; default: 2
set -eu

jq -enr --arg last "$1" --argjson days "${MAX_DAYS:-2}" --argjson now "$(date +%s)" '
  if $last == "" then
    "No nightly run has succeeded yet.\n" | halt_error(1)
  else
    (($now - ($last | sub("\\.[0-9]+"; "") | fromdateiso8601)) / 86400) as $passed
    | if $passed > $days then
        "The last night that succeeded was \($passed | floor) days ago, at \($last).\n" | halt_error(1)
      else
        "The last night that succeeded was at \($last)."
      end
  end'
