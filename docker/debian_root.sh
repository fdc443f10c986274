#!/usr/bin/env bash
# Makes a Debian 13 root in a folder: docker/debian_root.sh FOLDER [PACKAGE…]
#
# Needs root and debootstrap. The mirror is the one that apt is configured with; debootstrap knows
# one where apt has none with Debian's archive.
set -euo pipefail

folder="${1:?usage: docker/debian_root.sh FOLDER [PACKAGE…]}"
shift
packages="$(IFS=,; echo "$*")"
mirror="$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1)"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
# A TMPDIR of this machine is none of the root's.
env --unset=TMPDIR debootstrap --variant=minbase ${packages:+"--include=$packages"} \
  trixie "$folder" ${mirror:+"$mirror"} >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
