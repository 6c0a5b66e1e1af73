# Needs a sandbox ("make sandbox") and its export lines.

variables {
  rooms      = { main_stage = "test-user.fec6b8fa.af4d2d22" }
  session_id = "test-user.fec6b8fa.af4d2d22"
}

run "apply" {}

run "the_session_lives_twelve_hours" {
  module {
    source = "./elsewhere"
  }

  assert {
    condition = alltrue([
      timecmp(output.expires_at, timeadd(timestamp(), "11h")) > 0,
      timecmp(output.expires_at, timeadd(timestamp(), "13h")) < 0,
    ])
    error_message = "The API was not asked for twelve hours."
  }
}

run "more_hours_update_in_place" {
  variables {
    hours = 24
  }

  assert {
    condition     = timecmp(palabra_session_expiry.room["main_stage"].expires_at, timeadd(timestamp(), "23h")) > 0
    error_message = "The longer lifetime did not arrive."
  }
}
