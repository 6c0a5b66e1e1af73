terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

resource "palabra_session_expiry" "main_stage" {
  session_id           = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600

  lifecycle {
    prevent_destroy = true
  }
}
