# Needs Terraform 1.11 or OpenTofu 1.11.
# Needs the provider hashicorp/kubernetes, hashicorp/aws or hashicorp/vault.

terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
    kubernetes = {
      source = "hashicorp/kubernetes"
    }
    aws = {
      source = "hashicorp/aws"
    }
    vault = {
      source = "hashicorp/vault"
    }
  }
}

resource "palabra_session" "booth" {
  intent               = "event"
  ttl_seconds          = 30 * 24 * 3600
  renew_before_seconds = 7 * 24 * 3600
}

locals {
  connection = {
    ws_url = palabra_session.booth.ws_url
    token  = palabra_session.booth.publisher_token
  }
  # Another session has another number, so that its token is written again.
  revision = parseint(substr(sha256(palabra_session.booth.id), 0, 7), 16)
}

resource "kubernetes_secret_v1" "booth" {
  metadata {
    name = "palabra-booth"
  }
  data_wo          = local.connection
  data_wo_revision = local.revision
}

resource "aws_ssm_parameter" "booth" {
  name             = "/palabra/booth"
  type             = "SecureString"
  value_wo         = jsonencode(local.connection)
  value_wo_version = local.revision
}

resource "vault_kv_secret_v2" "booth" {
  mount                = "secret"
  name                 = "palabra/booth"
  data_json_wo         = jsonencode(local.connection)
  data_json_wo_version = local.revision
}
