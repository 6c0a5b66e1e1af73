# Needs a sandbox ("make sandbox") and its export lines.

run "takes_over_two_rooms_and_creates_two" {
  assert {
    condition     = keys(output.rooms) == ["backstage", "main_hall", "press", "workshop"]
    error_message = "Every room has a session."
  }
  assert {
    condition     = alltrue([for room in values(output.rooms) : timecmp(room.lives_until, timeadd(timestamp(), "719h")) > 0])
    error_message = "A room lives for less than 30 days."
  }
  assert {
    condition     = alltrue([for room in values(output.connections) : room.ws_url != "" && room.publisher_token != ""])
    error_message = "A created room cannot be connected to."
  }
}

# A create or a renewal would make lives_until unknown and fail the assertion.
run "has_nothing_to_do_afterwards" {
  command = plan

  variables {
    earlier = run.takes_over_two_rooms_and_creates_two.rooms
  }

  assert {
    condition     = output.rooms == var.earlier
    error_message = "The second plan changes a room."
  }
}

run "a_new_day_renews_every_room" {
  variables {
    event_day = "2026-11-23"
  }

  assert {
    condition     = alltrue([for room in values(output.rooms) : room.active])
    error_message = "A room has ended."
  }
}
