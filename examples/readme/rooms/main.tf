# Needs Terraform 1.7 or OpenTofu 1.7.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

variable "rooms" {
  description = "Session id of each room."
  type        = map(string)
}

import {
  for_each = var.rooms
  to       = palabra_session_expiry.room[each.key]
  id       = each.value
}

# 30 days from the apply on, and again from each run in the last week.
resource "palabra_session_expiry" "room" {
  for_each = var.rooms

  session_id           = each.value
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600
  delete_on_destroy    = false
}

output "rooms_live_until" {
  value = { for name, room in palabra_session_expiry.room : name => room.expires_at }
}
