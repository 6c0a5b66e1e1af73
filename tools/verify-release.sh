#!/usr/bin/env bash
# Verifies a folder with all assets of a release: the signature of the checksum
# list, the checksum of each asset, and the attestation of each archive. The
# arguments are the folder and the fingerprint of the key, which must be in gpg's
# keyring. It needs gpg, sha256sum, and gh logged in.
#
#   REPOSITORY  owner/name; default: the project's
#   TAG         the tag that the release was built from; default: any
set -euo pipefail

cd "$1"
fingerprint=$2
repository=${REPOSITORY:-palabra-community/terraform-provider-palabra}

lists=(terraform-provider-palabra_*_SHA256SUMS)
if ((${#lists[@]} != 1)) || [[ ! -f ${lists[0]} ]]; then
  echo "want one checksum list in $1, found: ${lists[*]}" >&2
  exit 1
fi
sums=${lists[0]}

# A valid signature of another key proves nothing.
status=$(gpg --batch --status-fd 1 --verify "$sums.sig" "$sums" 2>/dev/null) || { echo "$sums.sig has no valid signature" >&2; exit 1; }
if ! grep -q "^\[GNUPG:\] VALIDSIG .*$fingerprint" <<<"$status"; then
  echo "$sums is signed, but not with the key $fingerprint" >&2
  exit 1
fi
echo "$sums: signed with $fingerprint"

sha256sum --check --strict --quiet "$sums"
unlisted=()
for asset in *; do
  [[ $asset == "$sums" || $asset == "$sums.sig" ]] || grep -qF "  $asset" "$sums" || unlisted+=("$asset")
done
if ((${#unlisted[@]})); then
  printf 'not in the checksum list: %s\n' "${unlisted[@]}" >&2
  exit 1
fi
echo "$sums: $(wc -l <"$sums") assets match"

for archive in *.zip *.tar.gz; do
  [[ -f $archive ]] || continue
  gh attestation verify "$archive" --repo "$repository" \
    --signer-workflow "$repository/.github/workflows/release.yml" ${TAG:+--source-ref "refs/tags/$TAG"} >/dev/null
done
echo 'each archive was built by the release workflow'
