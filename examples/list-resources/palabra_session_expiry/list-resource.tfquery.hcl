# Needs Terraform 1.14.
# terraform query -generate-config-out=sessions.tf
list "palabra_session_expiry" "of_the_user" {
  provider         = palabra
  include_resource = true

  config {
    id_prefix = "test-user."
  }
}
