# Needs a sandbox ("make sandbox") and its export lines.

# A create or a renewal would make expires_at unknown and fail the assertion.
run "plans_nothing_but_the_import" {
  command = plan

  assert {
    condition     = timecmp(palabra_session_expiry.booth.expires_at, timeadd(plantimestamp(), "719h")) > 0
    error_message = "The session lost its 30 days."
  }
}

run "manages_the_session_from_then_on" {
  assert {
    condition     = timecmp(palabra_session_expiry.booth.expires_at, timeadd(timestamp(), "719h")) > 0
    error_message = "The import changed the expiry."
  }
}

run "has_nothing_to_do_afterwards" {
  command = plan

  variables {
    earlier = run.manages_the_session_from_then_on.booth_expires_at
  }

  assert {
    condition     = output.booth_expires_at == var.earlier
    error_message = "The plan after the import changes the expiry."
  }
}
