terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

provider "palabra" {}

data "palabra_sessions" "all" {}

resource "palabra_session_expiry" "booth" {
  session_id           = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds          = 7 * 24 * 3600
  renew_before_seconds = 24 * 3600
}

output "active_sessions" {
  value = length(data.palabra_sessions.all.ids)
}
