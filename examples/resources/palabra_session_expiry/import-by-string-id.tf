import {
  to = palabra_session_expiry.booth
  id = "test-user.fec6b8fa.af4d2d22"
}
