#!/usr/bin/env bash
# Verifies a folder with all assets of a release: the signature of the checksum
# list, the checksum of each asset, and the attestation of each archive. The
# arguments are the folder and the whole fingerprint of the key, which must be in
# gpg's keyring. It needs gpg, sha256sum, and gh logged in.
#
#   REPOSITORY  owner/name; default: the project's
#   TAG         the tag that the release was built from; default: any
set -euo pipefail

fingerprint=${2:-}
fingerprint=${fingerprint^^}
# A part of a fingerprint fits other keys, too, and nothing fits every key.
if [[ ! $fingerprint =~ ^([0-9A-F]{40}|[0-9A-F]{64})$ ]]; then
  echo "not a whole fingerprint: \"${2:-}\"; want 40 or 64 hexadecimal digits, as gpg --fingerprint --with-colons prints them" >&2
  exit 1
fi
cd "$1"
repository=${REPOSITORY:-palabra-community/terraform-provider-palabra}

lists=(terraform-provider-palabra_*_SHA256SUMS)
if ((${#lists[@]} != 1)) || [[ ! -f ${lists[0]} ]]; then
  echo "want one checksum list in $1, found: ${lists[*]}" >&2
  exit 1
fi
sums=${lists[0]}

# A valid signature of another key proves nothing. The first field is the key that
# signed, the last one its primary key.
status=$(gpg --batch --status-fd 1 --verify "$sums.sig" "$sums" 2>/dev/null) || { echo "$sums.sig has no valid signature" >&2; exit 1; }
signers=$(awk '$1 == "[GNUPG:]" && $2 == "VALIDSIG" { print $3; print $NF }' <<<"$status")
if ! grep -qxF "$fingerprint" <<<"$signers"; then
  echo "$sums is signed, but not with the key $fingerprint" >&2
  exit 1
fi
echo "$sums: signed with $fingerprint"

sha256sum --check --strict --quiet "$sums"
listed=$(sed -E 's/^[0-9a-f]{64} [ *]//' "$sums")
unlisted=()
for asset in *; do
  [[ $asset == "$sums" || $asset == "$sums.sig" ]] || grep -qxF -- "$asset" <<<"$listed" || unlisted+=("$asset")
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
