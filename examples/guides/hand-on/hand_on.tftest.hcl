# Needs a sandbox ("make sandbox") and its export lines.

run "outputs_what_a_program_needs" {
  assert {
    condition     = startswith(output.ws_url, "ws") && output.publisher_token != ""
    error_message = "A program cannot connect with these outputs."
  }
}
