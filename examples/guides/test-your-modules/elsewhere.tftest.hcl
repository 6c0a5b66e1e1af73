# Needs a sandbox ("make sandbox") and its export lines. The module
# ./elsewhere stands for another tool that changes the session.

variables {
  rooms      = { workshop = "test-user.30d7f63e.9e77c70e" }
  session_id = "test-user.30d7f63e.9e77c70e"
}

run "apply" {}

run "the_session_itself_lives_30_days" {
  module {
    source = "./elsewhere"
  }

  assert {
    condition = alltrue([
      timecmp(output.expires_at, timeadd(timestamp(), "719h")) > 0,
      timecmp(output.expires_at, timeadd(timestamp(), "721h")) < 0,
    ])
    error_message = "The API was not asked for 30 days."
  }
}

run "somebody_extends_the_session" {
  module {
    source = "./elsewhere"
  }
  variables {
    ttl_seconds = 60 * 24 * 3600
  }
}

# A planned renewal would make expires_at unknown and fail the assertion.
run "that_is_no_drift" {
  command = plan

  assert {
    condition     = timecmp(palabra_session_expiry.room["workshop"].expires_at, timeadd(plantimestamp(), "721h")) < 0
    error_message = "A later end must not change anything."
  }
}
