terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

variable "unused_since" {
  description = "Sessions created before this RFC 3339 timestamp count as unused. Default: a week ago."
  type        = string
  default     = null
}

variable "in_use" {
  description = "Sessions to keep, even if they are old."
  type        = set(string)
  default     = []
}

data "palabra_sessions" "all" {}

data "palabra_sessions" "old" {
  created_before = coalesce(var.unused_since, timeadd(plantimestamp(), "-168h"))
}

# Sets the remaining lifetime to an hour. While a client is connected, the API
# moves the end of its session, so only sessions without a client end.
resource "palabra_session_expiry" "unused" {
  for_each = setsubtract(data.palabra_sessions.old.ids, var.in_use)

  session_id  = each.value
  ttl_seconds = 3600

  # An id that is added to in_use leaves for_each: keep its session.
  delete_on_destroy = false
}

output "active" {
  value = length(data.palabra_sessions.all.ids)
}

output "ending" {
  value = { for id, session in palabra_session_expiry.unused : id => session.expires_at }
}
