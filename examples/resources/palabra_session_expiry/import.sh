# Reads the session and changes nothing. ttl_seconds is derived from the times of the
# session; if the configuration has another value, the next apply sets it.
terraform import palabra_session_expiry.booth test-user.fec6b8fa.af4d2d22
