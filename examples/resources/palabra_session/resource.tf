# A session for an event, with one token to speak and two to listen.
resource "palabra_session" "keynote" {
  ttl_seconds      = 12 * 3600
  intent           = "event"
  subscriber_count = 2
}

output "keynote_room" {
  value = {
    url  = palabra_session.keynote.webrtc_url
    room = palabra_session.keynote.webrtc_room_name
  }
}

output "keynote_publisher_token" {
  value     = palabra_session.keynote.publisher_token
  sensitive = true
}
