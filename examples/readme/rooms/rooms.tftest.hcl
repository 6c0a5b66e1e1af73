# Needs a sandbox ("make sandbox") and its export lines. The sessions of
# terraform.tfvars are two of its samples.

# A create or a renewal would make expires_at unknown and fail the assertion.
run "plans_imports_without_a_renewal" {
  command = plan

  assert {
    condition     = alltrue([for room in palabra_session_expiry.room : timecmp(room.expires_at, timeadd(plantimestamp(), "719h")) > 0])
    error_message = "A session lost its 30 days."
  }
}

run "takes_over" {}

run "has_nothing_to_do_afterwards" {
  command = plan

  variables {
    earlier = run.takes_over.rooms_live_until
  }

  assert {
    condition     = output.rooms_live_until == var.earlier
    error_message = "The plan after the import changes an expiry."
  }
}
