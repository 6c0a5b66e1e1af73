rooms = {
  main_hall = "test-user.fec6b8fa.af4d2d22"
  workshop  = "test-user.30d7f63e.9e77c70e"
}
