# Needs a sandbox ("make sandbox") and its export lines.

run "creates_a_session_with_its_tokens" {
  assert {
    condition     = length(palabra_session.keynote.subscriber_tokens) == 2 && output.keynote_publisher_token != ""
    error_message = "A token to speak and two to listen were asked for."
  }
  assert {
    condition     = output.keynote_room.url != "" && output.keynote_room.room != ""
    error_message = "The room is not known."
  }
  assert {
    condition     = timecmp(palabra_session.keynote.expires_at, timeadd(timestamp(), "13h")) < 0
    error_message = "The session lives longer than twelve hours."
  }
}
