# Needs Terraform 1.14.

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

variable "release" {
  description = "Version of the program that uses the session."
  type        = string
}

# At least two hours more, whenever another release is deployed.
action "palabra_extend_session" "booth" {
  config {
    session_id  = var.session_id
    ttl_seconds = 2 * 3600
  }
}

resource "terraform_data" "deployment" {
  input = var.release

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.palabra_extend_session.booth]
    }
  }
}
