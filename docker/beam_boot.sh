#!/usr/bin/env bash
# Builds the program that starts Beam's workers from Beam's Go module: docker/beam_boot.sh FOLDER
#
# FOLDER gets opt/apache/beam/boot, as in Beam's own image, in the version of Beam in the pipeline's
# lock. Needs Go, and the module proxy that Go is configured with.
set -euo pipefail
cd "$(dirname "$0")"

folder="$(realpath --canonicalize-missing "${1:?usage: docker/beam_boot.sh FOLDER}")/opt/apache/beam"
version="$(sed -n 's/^apache-beam==\([0-9.]*\).*/\1/p' locks/pipeline.lock)"
module="github.com/apache/beam/sdks/v2@v$version"
mkdir -p "$folder"
# Static: it runs on whatever C library an image has. Beam names the program after its folder.
GOBIN="$folder" CGO_ENABLED=0 GOFLAGS=-trimpath go install "${module/@//python/container@}"
mv "$folder/container" "$folder/boot"
license="$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/LICENSE"
install -m 0644 "$license" "$folder/LICENSE"
