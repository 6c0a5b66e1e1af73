terraform import palabra_session.keynote test-user.fec6b8fa.af4d2d22
