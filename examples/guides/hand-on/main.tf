terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

resource "palabra_session" "booth" {
  intent               = "event"
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600
}

output "ws_url" {
  value = palabra_session.booth.ws_url
}

output "publisher_token" {
  value     = palabra_session.booth.publisher_token
  sensitive = true
}
