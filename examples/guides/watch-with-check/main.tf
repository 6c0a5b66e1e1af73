terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

provider "palabra" {}

variable "session_id" {
  type = string
}

check "session_lives_on" {
  data "palabra_session" "watched" {
    id = var.session_id
  }

  assert {
    condition     = timecmp(data.palabra_session.watched.expires_at, timeadd(plantimestamp(), "24h")) > 0
    error_message = "Session ${var.session_id} ends at ${data.palabra_session.watched.expires_at}, in less than a day."
  }
}
