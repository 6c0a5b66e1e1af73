# Needs Terraform 1.10 or OpenTofu 1.11.
# Opened for the run and deleted at its end. Its values can be used only where
# nothing is stored, such as in a provider configuration or a write-only argument.
ephemeral "palabra_session" "check" {
  # A longer run renews the session. The session of a killed run expires after this.
  ttl_seconds = 300
}

check "translation_is_available" {
  assert {
    condition     = startswith(ephemeral.palabra_session.check.ws_url, "wss://")
    error_message = "The API opened a session without a WebSocket."
  }
}
