# Needs a sandbox with its three sample sessions ("make sandbox") and its
# export lines.

run "lists_and_filters" {
  assert {
    condition     = output.active_sessions == 3
    error_message = "The sandbox begins with three sessions."
  }
  assert {
    condition     = length(output.old_sessions) == 0
    error_message = "The sample sessions were created when the sandbox was started."
  }
}
