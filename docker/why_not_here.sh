#!/usr/bin/env bash
# Prints why `make image-local` cannot work on this machine; nothing if it can.
set -euo pipefail

# Layers and caches of image-local at their largest (20 GB were seen), with room.
needed_gb=30

for tool in buildah podman debootstrap runc; do
  if ! command -v "$tool" >/dev/null; then echo "$tool is not installed"; exit; fi
done
if [ "$(id -u)" != 0 ]; then echo "debootstrap needs root"; exit; fi
if ! driver="$(buildah info --format '{{.store.GraphDriverName}}' 2>&1)"; then
  echo "buildah does not work here: $driver"
  exit
fi
# vfs copies all layers below into each new one.
if [ "$driver" != overlay ]; then echo "storage is $driver, not overlay"; exit; fi
free_gb="$(($(df --output=avail -k "${TMPDIR:-/tmp}" | tail -1) / 1048576))"
if [ "$free_gb" -lt "$needed_gb" ]; then
  echo "$free_gb GB are free under ${TMPDIR:-/tmp}, $needed_gb GB are needed"
fi
