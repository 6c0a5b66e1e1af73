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
  description = "Rooms of the event. With a session_id, an existing session is taken over; without one, a session is created."
  type = map(object({
    session_id = optional(string)
  }))
}

variable "event_day" {
  description = "A new value renews every room, such as the day of the event."
  type        = string
  default     = null
}

locals {
  taken_over = { for name, room in var.rooms : name => room.session_id if room.session_id != null }
  created    = toset([for name, room in var.rooms : name if room.session_id == null])
  renewal    = var.event_day == null ? null : { event_day = var.event_day }
}

import {
  for_each = local.taken_over
  to       = palabra_session_expiry.room[each.key]
  id       = each.value
}

resource "palabra_session_expiry" "room" {
  for_each = local.taken_over

  session_id           = each.value
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600
  renew_triggers       = local.renewal
  delete_on_destroy    = false # whoever created the session deletes it
}

# Removing a room from the variable deletes its session.
resource "palabra_session" "room" {
  for_each = local.created

  intent               = "event"
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600
  renew_triggers       = local.renewal
}

output "rooms" {
  description = "Session of each room, and until when it lives at least."
  value = merge(
    { for name, room in palabra_session_expiry.room : name => { session_id = room.session_id, lives_until = room.expires_at, active = room.active } },
    { for name, room in palabra_session.room : name => { session_id = room.id, lives_until = room.expires_at, active = room.active } },
  )
}

output "connections" {
  description = "How to connect to each created room. The API returns this only on creation."
  sensitive   = true
  value = {
    for name, room in palabra_session.room : name => {
      ws_url          = room.ws_url
      webrtc_url      = room.webrtc_url
      webrtc_room     = room.webrtc_room_name
      publisher_token = room.publisher_token
    }
  }
}
