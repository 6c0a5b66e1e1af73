terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

# Credentials come from PALABRA_CLIENT_ID and PALABRA_CLIENT_SECRET (or
# PALABRA_API_KEY), so that none is written here.
provider "palabra" {
  request_timeout = "45s"
  max_retries     = 6
}
