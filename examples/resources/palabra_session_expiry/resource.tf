# A session that lives a week from each apply that changes something, and that
# is renewed by any run of Terraform in its last day.
resource "palabra_session_expiry" "booth" {
  session_id           = "test-user.fec6b8fa.af4d2d22"
  ttl_seconds          = 7 * 24 * 3600
  renew_before_seconds = 24 * 3600

  # terraform destroy keeps the session; it expires by itself.
  delete_on_destroy = false
}
