# For the tests: stands for another tool, which reads the session and can change
# its lifetime.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

variable "session_id" {
  type = string
}

variable "ttl_seconds" {
  description = "Lifetime to set; null only reads."
  type        = number
  default     = null
}

resource "palabra_session_expiry" "changed" {
  count = var.ttl_seconds == null ? 0 : 1

  session_id        = var.session_id
  ttl_seconds       = var.ttl_seconds
  delete_on_destroy = false
}

# The list, because reading a missing session is an error, also at tear-down.
data "palabra_sessions" "live" {
  id_prefix = var.session_id

  depends_on = [palabra_session_expiry.changed]
}

output "expires_at" {
  value = one(data.palabra_sessions.live.sessions[*].expires_at)
}
