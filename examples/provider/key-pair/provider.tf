variable "client_id" {
  type = string
}

provider "palabra" {
  client_id          = var.client_id
  client_secret_file = "/run/secrets/palabra_client_secret"
}
