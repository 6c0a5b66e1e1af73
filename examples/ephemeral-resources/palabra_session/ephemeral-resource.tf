# Needs Terraform 1.10 or OpenTofu 1.11.
# Open while this run needs it, and deleted afterwards. Its values can go where
# nothing is stored, such as into a provider configuration or a write-only
# argument.
ephemeral "palabra_session" "check" {
  # What a killed run leaves behind lives as long. A longer run renews it.
  ttl_seconds = 300
}

check "translation_is_available" {
  assert {
    condition     = startswith(ephemeral.palabra_session.check.ws_url, "wss://")
    error_message = "The API opened a session without a WebSocket."
  }
}
