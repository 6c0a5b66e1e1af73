terraform {
  # GitLab keeps the state; the pipeline sets the address and the credentials.
  backend "http" {}
}
