# Needs Terraform 1.7 or OpenTofu 1.8, and nothing else: no account, no sandbox, no credentials.

mock_provider "palabra" {
  mock_resource "palabra_session_expiry" {
    defaults = {
      expires_at = "2026-11-23T20:00:00Z"
      active     = true
      # Without this, a mock has delete_on_destroy = false.
      delete_on_destroy = true
    }
  }
}

variables {
  rooms = {
    main_stage = "test-user.fec6b8fa.af4d2d22"
    workshop   = "test-user.30d7f63e.9e77c70e"
  }
}

run "every_room_gets_its_days" {
  variables {
    days = 2
  }

  assert {
    condition     = alltrue([for room in palabra_session_expiry.room : room.ttl_seconds == 172800])
    error_message = "Two days are 172800 seconds."
  }
  assert {
    condition     = output.first_end == "2026-11-23 20:00"
    error_message = "The output must show the end to the minute."
  }
}

run "refuses_half_a_day" {
  command = plan

  variables {
    days = 0.5
  }

  expect_failures = [var.days]
}
