# What "make demo" runs against the embedded sandbox. The credentials and the
# endpoint come from the environment (PALABRA_API_KEY, PALABRA_API_URL).

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

variable "ttl_seconds" {
  description = "Lifetime of the managed session, in seconds."
  type        = number
  default     = 30 * 24 * 3600
}

# One session.
data "palabra_session" "sample" {
  id = "test-user.fec6b8fa.af4d2d22"
}

# All sessions.
data "palabra_sessions" "all" {}

# The lifetime of another session.
resource "palabra_session_expiry" "managed" {
  session_id  = "58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"
  ttl_seconds = var.ttl_seconds
}

output "sample_expires_at" {
  value = data.palabra_session.sample.expires_at
}

output "active_sessions" {
  value = data.palabra_sessions.all.ids
}

output "managed_expires_at" {
  value = palabra_session_expiry.managed.expires_at
}
