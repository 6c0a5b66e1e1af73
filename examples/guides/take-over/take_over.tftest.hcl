# Needs a sandbox ("make sandbox") and its export lines.

# A create or a renewal would make expires_at unknown and fail the assertion.
run "plans_nothing_but_imports" {
  command = plan

  assert {
    condition     = keys(palabra_session_expiry.existing) == ["test-user.30d7f63e.9e77c70e", "test-user.fec6b8fa.af4d2d22"]
    error_message = "Every session of the user is taken over, and no other."
  }
  assert {
    condition     = alltrue([for s in palabra_session_expiry.existing : timecmp(s.expires_at, timeadd(plantimestamp(), "719h")) > 0])
    error_message = "A session lost its 30 days."
  }
}

run "takes_them_over" {}

run "has_nothing_to_do_afterwards" {
  command = plan

  assert {
    condition     = alltrue([for s in palabra_session_expiry.existing : timecmp(s.expires_at, timeadd(plantimestamp(), "719h")) > 0])
    error_message = "The plan after the import changes an expiry."
  }
}
