# Needs a sandbox ("make sandbox") and its export lines.

run "runs_the_program_with_a_session" {
  variables {
    release = "1.4.2"
  }
}
