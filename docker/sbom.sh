#!/usr/bin/env bash
# Lists what an image holds, as CycloneDX: docker/sbom.sh IMAGE FILE
#
# RUNNER names the tool if there are several.
set -euo pipefail
cd "$(dirname "$0")/.."

image="${1:?usage: docker/sbom.sh IMAGE FILE}"
file="${2:?usage: docker/sbom.sh IMAGE FILE}"
. docker/runner.sh
mkdir -p "$(dirname "$file")"
"${command[@]}" "${options[@]}" --entrypoint "" "$image" python - <docker/sbom.py >"$file.part"
mv "$file.part" "$file"
echo "wrote $file"
