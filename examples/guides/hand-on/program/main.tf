# Needs Terraform 1.10 or OpenTofu 1.11.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

variable "release" {
  description = "A new value runs the program again."
  type        = string
}

variable "program" {
  description = "Command to run. Its environment has PALABRA_WS_URL and PALABRA_TOKEN."
  type        = string
  default     = "test -n \"$PALABRA_WS_URL\" && test -n \"$PALABRA_TOKEN\""
}

# The session lives while the program runs, and is deleted at the end of the run.
ephemeral "palabra_session" "smoke_test" {}

resource "terraform_data" "smoke_test" {
  triggers_replace = var.release

  provisioner "local-exec" {
    command = var.program
    environment = {
      PALABRA_WS_URL = ephemeral.palabra_session.smoke_test.ws_url
      PALABRA_TOKEN  = ephemeral.palabra_session.smoke_test.publisher_token
    }
  }
}
