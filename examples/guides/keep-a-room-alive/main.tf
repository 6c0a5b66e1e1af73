terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

provider "palabra" {}

variable "rooms" {
  description = "Session id of each room of the event."
  type        = map(string)
}

variable "event_day" {
  description = "Day of the event, such as 2026-11-23. A new value renews every room."
  type        = string
}

resource "palabra_session_expiry" "room" {
  for_each = var.rooms

  session_id           = each.value
  ttl_seconds          = 12 * 3600
  renew_before_seconds = 4 * 3600

  renew_triggers = {
    event_day = var.event_day
  }
}

output "rooms_live_until" {
  value = { for name, room in palabra_session_expiry.room : name => room.expires_at }
}
