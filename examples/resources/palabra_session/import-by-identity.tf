# Needs Terraform 1.12 or OpenTofu 1.12.
import {
  to = palabra_session.keynote
  identity = {
    session_id = "test-user.fec6b8fa.af4d2d22"
  }
}
