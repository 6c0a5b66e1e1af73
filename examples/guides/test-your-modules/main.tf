# A module of yours: the sessions of an event's rooms.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

variable "rooms" {
  description = "Session id of each room."
  type        = map(string)
}

variable "days" {
  description = "How long each room lives."
  type        = number
  default     = 30

  validation {
    condition     = var.days >= 1
    error_message = "A room must live for at least a day."
  }
}

resource "palabra_session_expiry" "room" {
  for_each = var.rooms

  session_id  = each.value
  ttl_seconds = var.days * 24 * 3600
}

output "first_end" {
  description = "When the first room ends."
  value       = formatdate("YYYY-MM-DD hh:mm", sort(values(palabra_session_expiry.room)[*].expires_at)[0])
}
