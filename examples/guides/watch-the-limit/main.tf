terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

variable "session_limit" {
  description = "How many sessions the account's plan allows. The API does not return it."
  type        = number
}

# Not inside the check block: there, it would make every plan a change.
data "palabra_sessions" "active" {}

check "session_limit" {
  assert {
    condition     = length(data.palabra_sessions.active.ids) < var.session_limit * 0.8
    error_message = "${length(data.palabra_sessions.active.ids)} of ${var.session_limit} sessions are taken."
  }
}
