# Checks whether a plan may be applied unattended: only if each change is an
# update in place of a session's lifetime. Otherwise it prints the addresses and
# the reasons, and fails.
#
#   terraform show -json tfplan > plan.json
#   jq -nr -f gate.jq plan.json
#
# Drift (resource_drift), outputs and checks do not count: an apply only records
# them.

def actions:
  {
    create: "creates it",
    delete: "deletes it",
    forget: "forgets it",
    read: "reads it during apply",
    open: "opens it during apply",
    "delete create": "replaces it: delete, then create",
    "create delete": "replaces it: create, then delete",
    "create forget": "replaces it: create, then forget",
    "forget create": "replaces it: forget, then create"
  };

# The reasons of one entry of resource_changes; none when it may be applied.
def reasons:
  (.change.actions // [] | join(" ")) as $actions
  | (if .previous_address != null and .previous_address != .address
     then "moves it from \(.previous_address)" else empty end),
    (if .change.importing != null then "imports it" else empty end),
    (if $actions == "no-op" then empty
     elif $actions != "update" then "the plan " + (actions[$actions] // "has the action \"\($actions)\"")
     else
       (if .mode != "managed" then "it is not a resource" else empty end),
       (if .type != "palabra_session_expiry" and .type != "palabra_session"
        then "\(.type) is not a session" else empty end),
       (if .provider_name | test("^registry\\.(terraform\\.io|opentofu\\.org)/palabra-community/palabra$") | not
        then "it belongs to the provider \(.provider_name)" else empty end),
       (if .deposed != null then "it is a deposed object" else empty end)
     end);

def problems:
  if type != "object" or (.format_version // "" | test("^1\\.") | not) or (.planned_values | type) != "object"
  then "the plan: this is not a plan in JSON of a version that the gate knows"
  else
    (if .errored == true then "the plan: it ended in an error" else empty end),
    (if .complete == false then "the plan: it is not complete, so more is to be done after it" else empty end),
    (.resource_changes[]? | .address as $address | reasons | "\($address): \(.)"),
    (.deferred_changes[]? | "\(.resource_change.address): the change is deferred (\(.reason))"),
    (.action_invocations[]?, (.deferred_action_invocations[]? | .action_invocation)
     | "\(.address): the plan invokes an action")
  end;

[inputs] as $plans
| [(if $plans | length != 1 then "the plan: it must be one, not \($plans | length)" else empty end),
   ($plans[] | problems)] as $problems
| if $problems == [] then
    "The plan may be applied. Updates in place: \([$plans[0].resource_changes[]? | select(.change.actions == ["update"])] | length)."
  else
    "The plan needs a person:\n\($problems | map("- " + .) | join("\n"))\n" | halt_error(3)
  end
