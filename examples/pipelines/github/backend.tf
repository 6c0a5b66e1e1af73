terraform {
  # Locks by itself, with Terraform 1.10 or OpenTofu 1.10 and later.
  backend "s3" {
    bucket       = "example-terraform-states"
    key          = "palabra-sessions.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = true
  }
}
