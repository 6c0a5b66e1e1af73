terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

resource "palabra_session_expiry" "booth" {
  for_each = toset(["test-user.fec6b8fa.af4d2d22", "test-user.30d7f63e.9e77c70e"])

  session_id  = each.value
  ttl_seconds = 30 * 24 * 3600
}
