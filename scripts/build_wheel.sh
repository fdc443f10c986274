#!/usr/bin/env bash
# Builds the wheel into dist/; the same commit gives the same bytes.
#
# SOURCE_DATE_EPOCH  the time of its files, in place of the commit's
set -euo pipefail
cd "$(dirname "$0")/.."

if ! git rev-parse --verify --quiet HEAD >/dev/null; then
  echo "error: make wheel builds from a Git checkout, and this is none" >&2
  exit 1
fi
. scripts/uv_settings.sh
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# From a copy: in place, setuptools takes what an earlier build left, and the files' modes are those
# of whoever checked them out.
umask 022
git ls-files -z --cached --others --exclude-standard -- pyproject.toml README.md components pipeline xlnet_pipeline |
  while IFS= read -r -d '' file; do
    # Deleted and not committed.
    if ! [ -e "$file" ]; then continue; fi
    mkdir -p "$work/$(dirname "$file")"
    cp "$file" "$work/$file"
  done
chmod -R u=rwX,go=rX "$work"
.venv/bin/uv build --quiet --wheel --no-build-isolation --python .venv/bin/python --out-dir dist "$work"
