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
  session_id  = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds = 3600
}

output "active_sessions" {
  value = data.palabra_sessions.all.ids
}

output "booth_expires_at" {
  value = palabra_session_expiry.booth.expires_at
}
