# The key of this account comes from PALABRA_API_KEY.
provider "palabra" {}

provider "palabra" {
  alias        = "rehearsal"
  api_key_file = "/run/secrets/palabra_rehearsal_key"
}

data "palabra_sessions" "event" {}

data "palabra_sessions" "rehearsal" {
  provider = palabra.rehearsal
}
