# Needs Terraform 1.7 or OpenTofu 1.10.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

# Removes the old resource from the state. The session is not deleted.
removed {
  from = restapi_object.booth

  lifecycle {
    destroy = false
  }
}

# Imports the same session.
import {
  to = palabra_session_expiry.booth
  id = "test-user.fec6b8fa.af4d2d22"
}

resource "palabra_session_expiry" "booth" {
  session_id  = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds = 30 * 24 * 3600
}

output "booth_expires_at" {
  value = palabra_session_expiry.booth.expires_at
}
