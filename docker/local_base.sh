#!/usr/bin/env bash
# Makes a base image without a registry: Debian by debootstrap, with the Python of this machine.
#
#   docker/local_base.sh IMAGE [PYTHON_PREFIX]
#
# For builds where docker.io cannot be reached. Needs root, buildah and debootstrap. PYTHON_PREFIX is
# an installation that can be copied, such as one of pyenv's versions.
set -euo pipefail

image="${1:?usage: docker/local_base.sh IMAGE [PYTHON_PREFIX]}"
prefix="${2:-$(python3.10 -c 'import sys; print(sys.base_prefix)')}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

debootstrap --variant=minbase bookworm "$work/root" http://deb.debian.org/debian >"$work/log" ||
  { tail -20 "$work/log" >&2; exit 1; }
# What Python's own modules are linked against. A TMPDIR of this machine is none of the root's.
chroot "$work/root" env --unset=TMPDIR apt-get install -y -qq --no-install-recommends \
  ca-certificates libssl3 libffi8 libsqlite3-0 zlib1g libbz2-1.0 liblzma5 libreadline8 >"$work/log"
rm -rf "$work/root"/var/cache/apt/archives/*.deb "$work/root"/var/lib/apt/lists/*

mkdir -p "$work/root/usr/local"
cp -a "$prefix/bin" "$prefix/lib" "$prefix/include" "$work/root/usr/local/"
# The packages of this machine's Python are not part of the image, save those that make a venv.
find "$work/root/usr/local/lib" -path '*/site-packages/*' -prune \
  ! -path '*/site-packages/pip*' ! -path '*/site-packages/setuptools*' -exec rm -rf {} +
grep -rlI "^#!$prefix/bin/" "$work/root/usr/local/bin" |
  xargs -r sed -i "1s|^#!$prefix/bin/|#!/usr/local/bin/|"
ln -sf python3.10 "$work/root/usr/local/bin/python"
chroot "$work/root" ldconfig

container="$(buildah from scratch)"
buildah add --quiet "$container" "$work/root" / >/dev/null
buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
buildah commit --quiet --rm "$container" "$image" >/dev/null
echo "made $image"
