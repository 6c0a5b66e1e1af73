# Needs a sandbox ("make sandbox") and its export lines.

run "gives_the_session_30_days" {
  assert {
    condition = alltrue([
      timecmp(palabra_session_expiry.booth.expires_at, timeadd(timestamp(), "719h")) > 0,
      timecmp(palabra_session_expiry.booth.expires_at, timeadd(timestamp(), "721h")) < 0,
    ])
    error_message = "The session does not live 30 days from now on."
  }
}
