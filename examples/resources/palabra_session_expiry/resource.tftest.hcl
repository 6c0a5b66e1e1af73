# Needs a sandbox ("make sandbox") and its export lines.

run "gives_the_session_a_week" {
  assert {
    condition = alltrue([
      timecmp(palabra_session_expiry.booth.expires_at, timeadd(timestamp(), "167h")) > 0,
      timecmp(palabra_session_expiry.booth.expires_at, timeadd(timestamp(), "169h")) < 0,
    ])
    error_message = "The session does not live a week from now on."
  }
}
