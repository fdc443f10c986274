#!/usr/bin/env bash
# Prints the package index that uv should use where it is not configured with one itself: pip's, of
# whose configuration uv reads nothing. Prints nothing where pip uses its default.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "${UV_DEFAULT_INDEX:-}${UV_INDEX:-}${UV_INDEX_URL:-}" ]; then
  echo "${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-}}"
elif ! grep -Eqs '^[[:space:]]*(\[\[)?index' "${XDG_CONFIG_HOME:-${HOME:-}/.config}/uv/uv.toml" /etc/uv/uv.toml; then
  python=.venv/bin/python
  if ! [ -x "$python" ]; then python=python3; fi
  echo "${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null)}" || :
fi
