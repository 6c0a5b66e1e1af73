# Needs Terraform 1.14.
# terraform apply -invoke=action.palabra_extend_session.overtime
action "palabra_extend_session" "overtime" {
  config {
    session_id  = "test-user.fec6b8fa.af4d2d22"
    ttl_seconds = 2 * 3600
  }
}
