# Needs a sandbox ("make sandbox") and its export lines.

variables {
  rooms = { main_stage = "test-user.fec6b8fa.af4d2d22" }
}

run "a_room_lives_30_days" {
  assert {
    condition = alltrue([
      timecmp(palabra_session_expiry.room["main_stage"].expires_at, timeadd(timestamp(), "719h")) > 0,
      timecmp(palabra_session_expiry.room["main_stage"].expires_at, timeadd(timestamp(), "721h")) < 0,
    ])
    error_message = "The API did not grant 30 days."
  }
}

# A create or a renewal would make expires_at unknown and fail the assertion.
run "a_second_plan_changes_nothing" {
  command = plan

  assert {
    condition     = timecmp(palabra_session_expiry.room["main_stage"].expires_at, plantimestamp()) > 0
    error_message = "The room ended at once."
  }
}

run "more_days_update_in_place" {
  variables {
    days = 60
  }

  assert {
    condition     = timecmp(palabra_session_expiry.room["main_stage"].expires_at, timeadd(timestamp(), "1439h")) > 0
    error_message = "The longer lifetime did not arrive."
  }
}
