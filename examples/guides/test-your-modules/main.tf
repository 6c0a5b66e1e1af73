# A module of yours: the sessions of an event's rooms.

terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

variable "rooms" {
  description = "Session id of each room."
  type        = map(string)
}

variable "hours" {
  description = "How long each room lives."
  type        = number
  default     = 12

  validation {
    condition     = var.hours >= 1
    error_message = "A room must live for at least an hour."
  }
}

resource "palabra_session_expiry" "room" {
  for_each = var.rooms

  session_id  = each.value
  ttl_seconds = var.hours * 3600
}

output "first_end" {
  description = "When the first room ends."
  value       = formatdate("YYYY-MM-DD hh:mm", sort(values(palabra_session_expiry.room)[*].expires_at)[0])
}
