# Needs Terraform 1.14.
# Deletes sessions that were created before this year, oldest first. With
# dry_run = true, it only reports:
#   terraform apply -invoke=action.palabra_prune_sessions.last_year
action "palabra_prune_sessions" "last_year" {
  config {
    id_prefix      = "test-user."
    created_before = "2026-01-01T00:00:00Z"
    exclude_ids    = ["test-user.fec6b8fa.af4d2d22"]
    max_deletions  = 10   # if more match, delete none and fail
    dry_run        = true # remove to delete
  }
}
