# Needs a sandbox ("make sandbox") and its export lines.

variables {
  session_id = "test-user.fec6b8fa.af4d2d22"
}

run "is_silent_while_there_is_time" {}

run "somebody_shortens_the_session" {
  module {
    source = "../test-your-modules/elsewhere"
  }
  variables {
    ttl_seconds = 3600
  }
}

run "warns_on_the_last_day" {
  expect_failures = [check.session_lives_on]
}

run "warns_when_the_session_is_gone" {
  variables {
    session_id = "test-user.deleted"
  }

  expect_failures = [check.session_lives_on]
}
