terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

# The API key comes from PALABRA_API_KEY, so it is not written here.
provider "palabra" {}

# The session lives for 30 days after the apply. A run in the last week renews it.
resource "palabra_session_expiry" "booth" {
  session_id           = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600
}
