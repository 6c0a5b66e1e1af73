terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}

# The credentials come from PALABRA_API_KEY, so that none is written here.
provider "palabra" {
  request_timeout = "45s"
  max_retries     = 6
}
