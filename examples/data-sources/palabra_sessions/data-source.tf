# Every active session of the account.
data "palabra_sessions" "all" {}

# Sessions of one user that were created before this year.
data "palabra_sessions" "old" {
  id_prefix      = "test-user."
  created_before = "2026-01-01T00:00:00Z"
}

output "active_sessions" {
  value = length(data.palabra_sessions.all.ids)
}

output "old_sessions" {
  value = { for session in data.palabra_sessions.old.sessions : session.id => session.expires_at }
}
