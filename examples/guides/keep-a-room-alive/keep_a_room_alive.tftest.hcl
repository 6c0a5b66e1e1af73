# Needs a sandbox ("make sandbox") and its export lines.

variables {
  rooms      = { main_stage = "test-user.fec6b8fa.af4d2d22" }
  event_day  = "2026-11-23"
  session_id = "test-user.fec6b8fa.af4d2d22"
}

run "first_day" {
  assert {
    condition     = timecmp(output.rooms_live_until["main_stage"], timeadd(timestamp(), "11h")) > 0
    error_message = "The room does not live for twelve hours."
  }
}

run "somebody_extends_the_session" {
  module {
    source = "./elsewhere"
  }
  variables {
    ttl_seconds = 24 * 3600
  }
}

# A planned renewal would make expires_at unknown and fail the assertion.
run "later_on_the_same_day_nothing_is_planned" {
  command = plan

  variables {
    earlier = run.first_day.rooms_live_until
  }

  assert {
    condition     = output.rooms_live_until["main_stage"] == var.earlier["main_stage"]
    error_message = "A later live expiry must not count as drift."
  }
}

run "second_day" {
  variables {
    event_day = "2026-11-24"
  }
}

run "second_day_live" {
  module {
    source = "./elsewhere"
  }

  assert {
    condition     = timecmp(output.expires_at, timeadd(timestamp(), "13h")) < 0
    error_message = "The new day did not set the lifetime again."
  }
}
