terraform {
  # The state is a Secret, the lock a Lease, both in the pod's own namespace.
  backend "kubernetes" {
    namespace         = "palabra-sessions"
    secret_suffix     = "palabra-sessions"
    in_cluster_config = true
  }
}
