# Needs a sandbox ("make sandbox") and its export lines.

run "opens_a_session" {}
