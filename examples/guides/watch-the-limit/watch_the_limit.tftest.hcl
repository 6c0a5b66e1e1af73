# Needs a sandbox with its three sample sessions ("make sandbox") and its
# export lines.

run "is_silent_below_four_fifths" {
  variables {
    session_limit = 10
  }
}

run "warns_near_the_limit" {
  variables {
    session_limit = 3
  }

  expect_failures = [check.session_limit]
}
