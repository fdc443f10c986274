#!/usr/bin/env bash
# Makes a base image without a registry: Debian 13 with its own Python 3.13, by debootstrap.
#
#   docker/local_base.sh IMAGE
#
# For builds where docker.io cannot be reached. Needs root, buildah and debootstrap.
set -euo pipefail
cd "$(dirname "$0")"

image="${1:?usage: docker/local_base.sh IMAGE}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

./debian_root.sh "$work/root" ca-certificates python3 python3-venv
# The name that the image of docker.io has.
ln -s python3 "$work/root/usr/bin/python"

container="$(buildah from scratch)"
buildah add --quiet "$container" "$work/root" / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
buildah commit --quiet --rm "$container" "$image" >/dev/null
echo "made $image"
