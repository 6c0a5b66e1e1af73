rooms = {
  main_hall = { session_id = "test-user.fec6b8fa.af4d2d22" }
  workshop  = { session_id = "test-user.30d7f63e.9e77c70e" }
  press     = {}
  backstage = {}
}
