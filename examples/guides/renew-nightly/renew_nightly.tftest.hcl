# Needs a sandbox ("make sandbox") and its export lines.

variables {
  session_ids = ["test-user.fec6b8fa.af4d2d22", "test-user.30d7f63e.9e77c70e"]
  session_id  = "test-user.fec6b8fa.af4d2d22"
}

run "first_night" {
  assert {
    condition     = alltrue([for t in values(output.live_until) : timecmp(t, timeadd(timestamp(), "95h")) > 0])
    error_message = "Every session must live for four days."
  }
  assert {
    condition     = length(output.ended) == 0
    error_message = "No session has ended."
  }
}

# Instead of three nights: leaves less than the lead time.
run "one_session_has_little_time_left" {
  module {
    source = "./elsewhere"
  }
  variables {
    ttl_seconds = 3600
  }
}

run "next_night" {
  variables {
    earlier = run.first_night.live_until
  }

  assert {
    condition     = timecmp(output.live_until["test-user.fec6b8fa.af4d2d22"], timeadd(timestamp(), "95h")) > 0
    error_message = "The session that was due was not renewed."
  }
  assert {
    condition     = output.live_until["test-user.30d7f63e.9e77c70e"] == var.earlier["test-user.30d7f63e.9e77c70e"]
    error_message = "The session that was not due was renewed."
  }
}
