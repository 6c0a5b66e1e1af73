# Needs Terraform 1.7 or OpenTofu 1.7.

terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

provider "palabra" {}

data "palabra_sessions" "existing" {
  id_prefix = "test-user."
}

import {
  for_each = toset(data.palabra_sessions.existing.ids)
  to       = palabra_session_expiry.existing[each.value]
  id       = each.value
}

resource "palabra_session_expiry" "existing" {
  for_each = toset(data.palabra_sessions.existing.ids)

  session_id        = each.value
  ttl_seconds       = 30 * 24 * 3600
  delete_on_destroy = false
}
