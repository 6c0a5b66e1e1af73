terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

provider "palabra" {}

variable "session_ids" {
  description = "Ids of the sessions to keep alive."
  type        = set(string)
}

resource "palabra_session_expiry" "kept" {
  for_each = var.session_ids

  session_id           = each.value
  ttl_seconds          = 4 * 24 * 3600
  renew_before_seconds = 3 * 24 * 3600 + 3600
  delete_on_destroy    = false
}

output "live_until" {
  value = { for id, session in palabra_session_expiry.kept : id => session.expires_at }
}

output "ended" {
  value = [for id, session in palabra_session_expiry.kept : id if !session.active]
}
