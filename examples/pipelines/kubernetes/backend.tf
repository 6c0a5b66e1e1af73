terraform {
  # The state is a Secret, the lock a Lease. The namespace and the way to the cluster
  # come from KUBE_NAMESPACE, and KUBE_IN_CLUSTER_CONFIG or KUBE_CONFIG_PATH.
  backend "kubernetes" {
    secret_suffix = "palabra-sessions"
  }
}
