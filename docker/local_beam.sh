#!/usr/bin/env bash
# Makes a stand-in for Beam's image where no registry can be reached: docker/local_beam.sh IMAGE
#
# Beam's boot program is written in Go and comes in Beam's image only. Of all it does the stand-in
# starts a pool of workers, which is Python in apache_beam: enough to run the image's code.
set -euo pipefail

image="${1:?usage: docker/local_beam.sh IMAGE}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cat >"$work/boot" <<'BOOT'
#!/bin/sh
if [ "$1" != --worker_pool ]; then
  echo "error: this image was built without Beam's own boot program; see docker/local_beam.sh" >&2
  exit 1
fi
exec python -m apache_beam.runners.worker.worker_pool_main --service_port=50000
BOOT
chmod 0755 "$work/boot"
container="$(buildah from scratch)"
buildah copy --quiet "$container" "$work/boot" /opt/apache/beam/boot >/dev/null
buildah commit --quiet --rm "$container" "$image" >/dev/null
echo "made $image"
