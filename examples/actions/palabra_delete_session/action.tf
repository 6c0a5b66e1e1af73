# Needs Terraform 1.14.
# terraform apply -invoke=action.palabra_delete_session.booth
action "palabra_delete_session" "booth" {
  config {
    session_id = "test-user.fec6b8fa.af4d2d22"
  }
}
