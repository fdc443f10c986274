#!/usr/bin/env bash
# Builds one image with docker, podman or buildah, whichever is there.
#
#   docker/build.sh TARGET IMAGE [build arguments, such as --build-arg BASE_IMAGE=…]
#
# BUILDER names the tool if there are several: docker, podman from 4.0 on, or buildah from 1.24 on.
# CA_BUNDLE, else SSL_CERT_FILE, names the certificates of a proxy that looks into TLS. The build sees
# them, and the package index that uv or pip is configured with here; the image does not keep them
# (podman and buildah only). The boot program of beam-worker is built from Beam's Go module, or taken from the
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
# The first that mount caches; Ubuntu 22.04 has older ones.
needed=
case "$builder" in podman) needed=4.0 ;; buildah) needed=1.24 ;; esac
if [ -n "$needed" ]; then
  version="$("$builder" --version | sed 's/^[^0-9]*\([0-9.]*\).*/\1/')"
  if [ "$(printf '%s\n' "$needed" "$version" | sort -t . -k 1,1n -k 2,2n | head -n 1)" != "$needed" ]; then
    echo "error: $builder is $version, and the images need $needed or newer; BUILDER names another tool" >&2
    exit 1
  fi
fi

revision="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
# What the image is made of is then not the commit's.
if [ -n "$(git status --porcelain -- $(sed -n 's/^!//p' .dockerignore) 2>/dev/null)" ]; then
  revision="$revision-dirty"
fi
arguments=(
  --file docker/Dockerfile --target "$target" --tag "$image"
  --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' components/__init__.py)"
  --build-arg REVISION="$revision"
)
# TensorFlow and TFX have wheels for this one alone.
if [ "$(uname -m)" != x86_64 ]; then arguments+=(--platform linux/amd64); fi
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
index="$(scripts/package_index.sh)"
if [ -n "$certificates$index" ] && [ "$builder" != docker ]; then
  echo '[global]' >"$work/pip.conf"
  : >"$work/uv.toml"
  if [ -n "$certificates" ]; then
    echo 'cert = /etc/ssl/certs/ca-certificates.crt' >>"$work/pip.conf"
    echo 'system-certs = true' >>"$work/uv.toml"
    arguments+=(--volume "$certificates:/etc/ssl/certs/ca-certificates.crt:ro")
  fi
  if [ -n "$index" ]; then
    echo "index-url = $index" >>"$work/pip.conf"
    printf '[[index]]\nurl = "%s"\ndefault = true\n' "$index" >>"$work/uv.toml"
  fi
  arguments+=(--volume "$work/pip.conf:/etc/pip.conf:ro" --volume "$work/uv.toml:/etc/uv/uv.toml:ro")
elif [ -n "$index" ]; then
  echo "note: the package index that is configured here is not passed on to docker; BUILDER=podman and BUILDER=buildah do that" >&2
fi
case "$builder" in
  docker) docker build "${arguments[@]}" "$@" . ;;
  podman) podman build --layers "${arguments[@]}" "$@" . ;;
  # chroot: works inside containers and virtual machines that give no namespaces.
  buildah) buildah build --isolation chroot --layers "${arguments[@]}" "$@" . ;;
  *) echo "error: BUILDER is $builder; it should be docker, podman or buildah" >&2; exit 1 ;;
esac
