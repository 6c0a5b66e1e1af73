# Needs a sandbox ("make sandbox") and its export lines.

run "reads_one_session" {
  assert {
    condition     = timecmp(output.booth_expires_at, timestamp()) > 0
    error_message = "The session has no end in the future."
  }
}
