# Describes in Markdown what a run did, from its plan and the state afterwards.
# It names resources, not session ids, which contain the id of a user.
#
#   terraform show -json > state.json
#   jq -r --slurpfile plan plan.json -f summary.jq state.json

def resources: .resources[]?, (.child_modules[]? | resources);

[.values.root_module // {} | resources | select(.type == "palabra_session_expiry" or .type == "palabra_session")] as $sessions
| ([$plan[0].resource_changes[]? | select(.change.after_unknown.expires_at == true)
    | {key: .address, value: .change.before.expires_at}] | from_entries) as $due
| [$sessions[]
    | . + {did: (if .values.active == false then "ended: remove it"
                 elif (.address | in($due) | not) then "not due"
                 elif .values.expires_at != $due[.address] then "renewed"
                 else "**due, but not renewed**" end)}] as $sessions
| ($sessions | map(select(.did == "renewed")) | length) as $renewed
| ($sessions | map(select(.values.active == false)) | length) as $ended
| [$plan[0].checks[]? | select(.status == "fail" or .status == "error") | .address.to_display] as $failed
| "### Sessions",
  "",
  "\($sessions | length) in the state: \($renewed) renewed, \($ended) ended.",
  "",
  (if $sessions == [] then empty else
    "| session | this run | lives at least until |", "| --- | --- | --- |",
    ($sessions[]
      | "| `\(.address)` | \(.did) | \(if .values.active == false then "" else .values.expires_at // "unknown" end) |")
  end),
  (if $failed == [] then empty else "", "Checks that fail: \($failed | map("`" + . + "`") | join(", "))." end)
