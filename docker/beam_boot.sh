#!/usr/bin/env bash
# Builds the program that starts Beam's workers from Beam's Go module: docker/beam_boot.sh FOLDER
#
# FOLDER gets opt/apache/beam/boot, as in Beam's own image, in the version of Beam in the pipeline's
# lock. Needs Go, and the module proxy that Go is configured with.
set -euo pipefail

folder="${1:?usage: docker/beam_boot.sh FOLDER}/opt/apache/beam"
mkdir -p "$folder"
folder="$(cd "$folder" && pwd -P)"
cd "$(dirname "$0")"
version="$(sed -n 's/^apache-beam==\([0-9.]*\).*/\1/p' locks/pipeline.lock)"
module="github.com/apache/beam/sdks/v2@v$version"
source="$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')"
# For the images' system, whichever this one is; static, for whatever C library an image has.
(cd "$source" && GOOS=linux GOARCH=amd64 CGO_ENABLED=0 GOFLAGS=-trimpath go build -o "$folder/boot" ./python/container)
install -m 0644 "$source/LICENSE" "$folder/LICENSE"
