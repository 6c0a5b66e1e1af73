# Needs Terraform 1.6 or OpenTofu 1.11, for timestamp() in variables.
# Needs a sandbox of its own ("make sandbox") and its export lines: it ends
# sessions that it did not create.

variables {
  in_use = ["58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"]
}

run "leaves_young_sessions_alone" {
  assert {
    condition     = output.active == 3 && length(output.ending) == 0
    error_message = "Sessions that were created today are not unused."
  }
}

run "gives_old_sessions_an_hour" {
  variables {
    unused_since = timeadd(timestamp(), "1h")
  }

  assert {
    condition     = keys(output.ending) == ["test-user.30d7f63e.9e77c70e", "test-user.fec6b8fa.af4d2d22"]
    error_message = "Two of the three sessions are old and not in use."
  }
  assert {
    condition     = alltrue([for t in values(output.ending) : timecmp(t, timeadd(timestamp(), "61m")) < 0])
    error_message = "An unused session lives longer than an hour."
  }
}

run "keeps_what_is_in_use" {
  module {
    source = "../test-your-modules/elsewhere"
  }
  variables {
    session_id = "58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"
  }

  assert {
    condition     = timecmp(output.expires_at, timeadd(timestamp(), "719h")) > 0
    error_message = "The session in use lost its 30 days."
  }
}
