# How uv is run here: sourced in the project's folder, by the Makefile and the scripts.

# What packages without wheels are built with has versions and hashes as well.
export UV_BUILD_CONSTRAINT=docker/locks/build.lock

# Packages are kept where the next environment finds them again.
if [ -z "${UV_CACHE_DIR:-}" ]; then
  cache="${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/uv"
  if ! { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
    export UV_CACHE_DIR="$PWD/.cache/uv"
    echo "$cache cannot be written to: packages are kept in .cache/uv (UV_CACHE_DIR names another place)"
  fi
fi

index="$(scripts/package_index.sh)"
if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
