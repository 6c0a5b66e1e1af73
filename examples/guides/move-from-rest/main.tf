# Needs Terraform 1.8 or OpenTofu 1.10.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

# These two blocks replace the resource block of the old provider.
moved {
  from = restapi_object.booth
  to   = palabra_session_expiry.booth
}

resource "palabra_session_expiry" "booth" {
  session_id  = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds = 30 * 24 * 3600
}

output "booth_expires_at" {
  value = palabra_session_expiry.booth.expires_at
}
