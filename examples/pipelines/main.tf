terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

# The key comes from PALABRA_API_KEY, or from the file that PALABRA_API_KEY_FILE
# names. The lock file pins the provider: keep it in the repository.
provider "palabra" {}

variable "sessions" {
  description = "Ids of the sessions to keep alive, each with a name of your choice."
  type        = map(string)
}

resource "palabra_session_expiry" "kept" {
  for_each = var.sessions

  session_id           = each.value
  ttl_seconds          = 4 * 24 * 3600
  renew_before_seconds = 3 * 24 * 3600 + 3600
  delete_on_destroy    = false
}

output "expired" {
  description = "Names of the sessions that expired because nobody renewed them: remove them from the variable."
  value       = [for name, session in palabra_session_expiry.kept : name if session.expired]
}
