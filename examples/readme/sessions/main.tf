terraform {
  required_providers {
    palabra = {
      source  = "palabra-community/palabra"
      version = "~> 0.1"
    }
  }
}

provider "palabra" {}

data "palabra_sessions" "all" {}

output "sessions" {
  value = {
    for session in data.palabra_sessions.all.sessions :
    session.id => "created ${coalesce(session.created_at, "?")}, expires ${coalesce(session.expires_at, "?")}"
  }
}
