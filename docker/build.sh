#!/usr/bin/env bash
# Builds one image with docker, podman or buildah, whichever is there.
#
#   docker/build.sh TARGET IMAGE [build arguments, such as --build-arg BASE_IMAGE=…]
#
# BUILDER names the tool if there are several. CA_BUNDLE, else SSL_CERT_FILE, names the certificates
# of a proxy that looks into TLS; the build sees them and the image does not keep them (podman and
# buildah only). The boot program of beam-worker is built from Beam's Go module, or taken from the
# image that the build argument BEAM_IMAGE names.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${1:?usage: docker/build.sh TARGET IMAGE [build arguments]}"
image="${2:?usage: docker/build.sh TARGET IMAGE [build arguments]}"
shift 2

builder="${BUILDER:-}"
for candidate in docker podman buildah; do
  if [ -z "$builder" ] && command -v "$candidate" >/dev/null; then builder="$candidate"; fi
done
if [ -z "$builder" ]; then
  echo "error: none of docker, podman and buildah is installed" >&2
  exit 1
fi

arguments=(
  --file docker/Dockerfile --target "$target" --tag "$image"
  --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' components/__init__.py)"
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
)
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [ "$target" = beam-worker ] && [[ "$*" != *BEAM_IMAGE=* ]]; then
  if ! command -v go >/dev/null; then
    echo "error: beam-worker needs Beam's boot program: install Go, or give Beam's image as" \
      "--build-arg BEAM_IMAGE=NAME@sha256:DIGEST" >&2
    exit 1
  fi
  docker/beam_boot.sh "$work/beam"
  arguments+=(--build-context "beam=$work/beam")
fi
certificates="${CA_BUNDLE:-${SSL_CERT_FILE:-}}"
if [ -n "$certificates" ] && [ "$builder" != docker ]; then
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$work/pip.conf"
  printf 'system-certs = true\n' >"$work/uv.toml"
  arguments+=(
    --volume "$certificates:/etc/ssl/certs/ca-certificates.crt:ro"
    --volume "$work/pip.conf:/etc/pip.conf:ro"
    --volume "$work/uv.toml:/etc/uv/uv.toml:ro"
  )
fi
case "$builder" in
  docker) docker build "${arguments[@]}" "$@" . ;;
  podman) podman build --layers "${arguments[@]}" "$@" . ;;
  # chroot: works inside containers and virtual machines that give no namespaces.
  buildah) buildah build --isolation chroot --layers "${arguments[@]}" "$@" . ;;
  *) echo "error: BUILDER is $builder; it should be docker, podman or buildah" >&2; exit 1 ;;
esac
