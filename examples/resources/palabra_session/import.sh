# Reads the session and changes nothing. Tokens and URLs stay null, because the API
# returns them only on creation.
terraform import palabra_session.keynote test-user.fec6b8fa.af4d2d22
