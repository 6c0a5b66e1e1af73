#!/bin/sh
# What a person runs: the first run, and each change that the nights refuse. It asks
# before it applies, and pins the provider for the pipeline's machines in
# .terraform.lock.hcl. Commit that file. Words after the platform are a command of the
# engine to run instead, such as "force-unlock ID".
#
#   PALABRA_API_KEY=... sh apply.sh github            your AWS credentials can use the bucket
#   PALABRA_API_KEY=... sh apply.sh gitlab            GITLAB_PROJECT=https://gitlab.com/api/v4/projects/ID
#                                                     GITLAB_TOKEN=a token with the scope api
#   PALABRA_API_KEY=... sh apply.sh kubernetes        your kubeconfig reaches the cluster
#   PALABRA_API_KEY=... sh apply.sh tofu-controller   the same
set -eu

engine=tofu
case ${1:-} in
github) engine=terraform ;;
gitlab)
  export TF_HTTP_ADDRESS="$GITLAB_PROJECT/terraform/state/palabra-sessions"
  export TF_HTTP_LOCK_ADDRESS="$TF_HTTP_ADDRESS/lock" TF_HTTP_LOCK_METHOD=POST
  export TF_HTTP_UNLOCK_ADDRESS="$TF_HTTP_ADDRESS/lock" TF_HTTP_UNLOCK_METHOD=DELETE
  export TF_HTTP_USERNAME=token TF_HTTP_PASSWORD="$GITLAB_TOKEN"
  ;;
kubernetes) export KUBE_NAMESPACE=palabra-sessions KUBE_CONFIG_PATH="${KUBECONFIG:-$HOME/.kube/config}" ;;
tofu-controller) export KUBE_NAMESPACE=flux-system KUBE_CONFIG_PATH="${KUBECONFIG:-$HOME/.kube/config}" ;;
*)
  sed -n 's/^# \{0,1\}//; 2,12p' "$0" >&2
  exit 2
  ;;
esac

shift

"$engine" init -input=false
[ $# -eq 0 ] || exec "$engine" "$@"
mirror=''
[ ! -d terraform.d/plugins ] || mirror=-fs-mirror=terraform.d/plugins
"$engine" providers lock $mirror -platform=linux_amd64 -platform=linux_arm64
"$engine" apply
