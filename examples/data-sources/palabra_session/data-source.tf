data "palabra_session" "booth" {
  id = "test-user.fec6b8fa.af4d2d22"
}

output "booth_expires_at" {
  value = data.palabra_session.booth.expires_at
}
