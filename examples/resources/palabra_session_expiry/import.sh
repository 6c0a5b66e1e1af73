terraform import palabra_session_expiry.booth test-user.fec6b8fa.af4d2d22
