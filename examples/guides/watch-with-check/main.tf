terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

variable "session_id" {
  type = string
}

# The list, because reading a missing session is an error.
data "palabra_sessions" "active" {
  expires_after = timeadd(plantimestamp(), "24h")
}

check "session_lives_on" {
  assert {
    condition     = contains(data.palabra_sessions.active.ids, var.session_id)
    error_message = "Session ${var.session_id} ends in less than a day, or has ended."
  }
}
