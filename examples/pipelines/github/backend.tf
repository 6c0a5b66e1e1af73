terraform {
  # use_lockfile needs Terraform 1.10 or OpenTofu 1.10, or later.
  backend "s3" {
    bucket       = "example-terraform-states"
    key          = "palabra-sessions.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = true
  }
}
