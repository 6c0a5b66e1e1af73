# Needs Terraform 1.14.
# terraform query
list "palabra_session" "ending_this_year" {
  provider = palabra

  config {
    expires_before = "2027-01-01T00:00:00Z"
  }
}
