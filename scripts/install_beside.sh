#!/usr/bin/env bash
# Makes an environment beside .venv: scripts/install_beside.sh FOLDER PYTHON LOCK
#
# PYTHON is what uv's --python takes. Does nothing where FOLDER is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="${1:?usage: scripts/install_beside.sh FOLDER PYTHON LOCK}"
marker="$folder/installed"
wanted="$(cksum <"$3" | tr ' ' -) $(.venv/bin/python --version) $PWD"
if [ "$(cat "$marker" 2>/dev/null)" = "$wanted" ] && "$folder/bin/python" -c ""; then exit; fi

. scripts/uv_settings.sh
# Made anew: uv takes a package for whole that an interrupted installation left in part.
.venv/bin/uv venv --quiet --clear --python "$2" "$folder"
.venv/bin/uv pip install --quiet --require-hashes --python "$folder/bin/python" -r "$3"
echo "$wanted" >"$marker"
