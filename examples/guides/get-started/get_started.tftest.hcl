# Needs a sandbox ("make sandbox") and its export lines.

run "gives_the_session_an_hour" {
  assert {
    condition     = contains(output.active_sessions, "test-user.fec6b8fa.af4d2d22")
    error_message = "The sample session is not listed."
  }
  assert {
    condition     = timecmp(output.booth_expires_at, timeadd(timestamp(), "61m")) < 0
    error_message = "The session still has the 30 days that it began with."
  }
}

# A planned renewal would make expires_at unknown and fail the assertion.
run "has_nothing_to_do_afterwards" {
  command = plan

  variables {
    earlier = run.gives_the_session_an_hour.booth_expires_at
  }

  assert {
    condition     = output.booth_expires_at == var.earlier
    error_message = "The second plan changes the expiry."
  }
}
