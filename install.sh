#!/usr/bin/env bash
# Makes .venv and installs what requirements.lock lists for this system: `make install` calls it.
#
# STACK   tfx-1.21 or tfx-1.16, in place of the one that fits this system
# PYTHON  an interpreter, in place of the one found on PATH or among pyenv's versions
#
# Does nothing where .venv is up to date. Written for bash 3.2 and BSD's tools: macOS has no others.
set -euo pipefail
cd "$(dirname "$0")"

venv=.venv
# Names the stack that .venv holds, whether STACK asked for it, the lock it was installed from, and
# where it was made: a folder that was copied or moved runs the code of the old one.
marker="$venv/installed"
managed=.python
# TFX 1.21's compiled parts are linked against this C library; no marker of a lock can say so.
needed_glibc=2.39

die() { echo "error: $1" >&2; exit 1; }

case "${STACK:-}" in
  "" | tfx-1.21 | tfx-1.16) ;;
  *) die "STACK is $STACK; it should be tfx-1.21 or tfx-1.16" ;;
esac

pythons_of() { if [ "$1" = tfx-1.21 ]; then echo "3.13 3.12 3.11"; else echo "3.10"; fi; }
range_of() { if [ "$1" = tfx-1.21 ]; then echo "3.11, 3.12 or 3.13"; else echo "3.10"; fi; }
stack_of() { case "$1" in 3.10) echo tfx-1.16 ;; 3.11 | 3.12 | 3.13) echo tfx-1.21 ;; esac; }
title_of() { echo "TFX ${1#tfx-}"; }

locks="$(cat requirements.lock docker/locks/uv.lock pyproject.toml | cksum | tr ' ' -)"
up_to_date() {
  local here installed_locks
  here="$(cd "$venv" 2>/dev/null && pwd -P)" || true
  made="$(cut -s -d ' ' -f 4- "$marker" 2>/dev/null)" || true
  if [ "${made:-$here}" = "$here" ]; then made=; else return 1; fi
  if ! [ -f "$marker" ] || [ -n "${PYTHON:-}" ] || ! "$venv/bin/python" -c "" 2>/dev/null; then return 1; fi
  read -r stack wish installed_locks _ <"$marker" || true
  # A stack that was asked for once stays until another is asked for.
  if [ "${wish:-}" = asked ] && [ -z "${STACK:-}" ]; then STACK="$stack"; fi
  [ "${installed_locks:-}" = "$locks" ] && [ "${STACK:-$stack}" = "$stack" ]
}
if up_to_date; then exit; fi

# One at a time: the second would take for broken what the first has half made. The link holds the
# process, and is made in one step on every system.
turn=.cache/installing
wait_for_turn() {
  local holder said= tries=0
  mkdir -p .cache
  until ln -s $$ "$turn" 2>/dev/null; do
    holder="$(readlink "$turn")" || holder=
    if [ -z "$holder" ]; then
      tries=$((tries + 1))
      if [ "$tries" = 10 ]; then die "$PWD/.cache cannot be written to"; fi
    elif ! kill -0 "$holder" 2>/dev/null; then
      rm -f "$turn"
      continue
    elif [ -z "$said" ]; then
      echo "waiting for another make, process $holder (if there is none, delete $turn)"
      said=yes
    fi
    sleep 1
  done
  trap 'rm -f "$turn"' EXIT
}
wait_for_turn
if up_to_date; then exit; fi

# Which stacks have wheels for this system: `stacks`, and in words why, `limit`.
system="$(uname -s) $(uname -m)"
case "$system" in
  "Linux x86_64")
    glibc="$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //')" || true
    if [ -z "$glibc" ]; then
      die "this Linux has no glibc (Alpine has musl), for which there are no wheels of TFX; use Debian, Ubuntu or a container of either"
    fi
    if printf '%s\n' "$needed_glibc" "$glibc" | sort -t . -k 1,1n -k 2,2n | head -n 1 | grep -qx "$needed_glibc"; then
      stacks="tfx-1.21 tfx-1.16"
      limit="glibc $glibc, and TFX 1.21 needs $needed_glibc or newer"
    else
      stacks="tfx-1.16"
      limit="TFX 1.21 needs glibc $needed_glibc, and this system has $glibc"
    fi
    ;;
  "Darwin arm64")
    stacks="tfx-1.21"
    limit="macOS on Apple silicon"
    ;;
  *) die "TFX has wheels for Linux on x86-64 and macOS on Apple silicon, and this is $system; a container or virtual machine of Linux on x86-64 would do" ;;
esac
case " $stacks " in
  *" ${STACK:-$stacks} "*) ;;
  *) die "STACK is $STACK, which cannot be installed here: $limit" ;;
esac

broken="it does not run"
# Prints what stands against an interpreter, and nothing if it will do: unfit PYTHON "3.13 3.12 …".
unfit() {
  "$1" - "$2" 2>/dev/null <<'PYTHON' || echo "$broken"
import os, platform, sys

version = "%d.%d" % sys.version_info[:2]
if version not in sys.argv[1].split():
    sys.exit(print("it is Python " + version))
if sys.maxsize < 2**32:
    sys.exit(print("it is a 32-bit Python"))
if sys.platform == "darwin" and platform.machine() != "arm64":
    sys.exit(print("it is a Python for Intel processors"))
import sysconfig

if sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(print("it is a free-threaded Python"))
missing = []
for name in ("ssl", "sqlite3", "zlib", "bz2", "lzma", "ctypes", "venv", "ensurepip"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
if missing:
    text = "it was built without " + ", ".join(missing)
    if set(missing) <= {"venv", "ensurepip"}:
        text = "it has no " + missing[0] + " (on Debian and Ubuntu: apt install python3-venv)"
    sys.exit(print(text))
# pyfarmhash has no wheels for it.
if version == "3.10" and not os.path.exists(sysconfig.get_path("include") + "/Python.h"):
    print("it has no Python.h (on Debian and Ubuntu: apt install python3-dev g++)")
PYTHON
}

# Where the interpreters of a stack may be, best first, a line each. Some are not there, or refuse.
candidates_of() {
  local version path
  for version in $(pythons_of "$1"); do
    for path in "python$version" "$pyenv/versions/$version".*/bin/python3 "$managed"/*-"$version".*/bin/python3; do
      echo "$path"
    done
  done
  echo python3
}

# Sets `python` to the first interpreter that will do for a stack, and adds the others to `refused`.
pyenv="${PYENV_ROOT:-${HOME:-}/.pyenv}"
refused=
find_python() {
  local candidate reason
  while IFS= read -r candidate; do
    candidate="$(command -v "$candidate")" || continue
    reason="$(unfit "$candidate" "$(pythons_of "$1")")"
    if [ -z "$reason" ]; then
      python="$candidate"
      return
    fi
    # pyenv leaves shims on PATH for versions that are not chosen.
    if [ "$reason" != "$broken" ]; then refused="$refused; $candidate: $reason"; fi
  done < <(candidates_of "$1")
}

# Sets `python` to one that uv downloads into the project's own folder.
download_python() {
  local version uv candidate
  version="$(pythons_of "$1" | cut -d ' ' -f 1)"
  uv="$(command -v uv)" || uv="$managed/uv/bin/uv"
  if ! "$uv" --version >/dev/null 2>&1; then
    for candidate in python3 python "$pyenv"/versions/3.*/bin/python3; do
      if "$candidate" -c "import ensurepip, ssl, sys; sys.exit(sys.version_info < (3, 9))" 2>/dev/null; then
        echo "installing uv into $managed, to download Python $version"
        rm -rf "$managed/uv"
        "$candidate" -m venv "$managed/uv" && install_uv "$managed/uv" && break
      fi
    done
  fi
  "$uv" --version >/dev/null 2>&1 || return 0
  echo "downloading Python $version into $managed"
  UV_NO_CACHE=1 UV_PYTHON_INSTALL_DIR="$managed" UV_PYTHON_INSTALL_BIN=0 "$uv" python install "$version" || return 0
  find_python "$1"
}

install_uv() {
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r docker/locks/uv.lock
}

python=
why=
if [ -n "${PYTHON:-}" ]; then
  wanted=
  for stack in ${STACK:-$stacks}; do wanted="$wanted $(pythons_of "$stack")"; done
  command -v "$PYTHON" >/dev/null || die "PYTHON is $PYTHON, and there is no such program"
  reason="$(unfit "$PYTHON" "$wanted")"
  if [ -n "$reason" ]; then
    die "PYTHON is $PYTHON, which will not do: $reason; wanted is one of$wanted (${STACK:+STACK=$STACK; }$limit)"
  fi
  python="$(command -v "$PYTHON")"
  stack="$(stack_of "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')")"
  why="PYTHON asks for it"
else
  for stack in ${STACK:-$stacks}; do
    find_python "$stack"
    if [ -n "$python" ]; then break; fi
    why="no Python $(range_of "$stack") was found"
  done
fi
if [ -z "$python" ]; then
  for stack in ${STACK:-$stacks}; do break; done
  download_python "$stack"
  if [ -z "$python" ]; then
    newest="$(pythons_of "$stack" | cut -d ' ' -f 1)"
    if [ "$stack" = tfx-1.21 ]; then
      ways="Debian 13 and Ubuntu 24.04: apt install python3 python3-venv; macOS: brew install python@$newest"
    else
      ways="Debian 12 and Ubuntu 22.04: apt install python3-venv g++, with which make downloads Python $newest"
    fi
    die "$(title_of "$stack") needs Python $(range_of "$stack"), which is neither on PATH nor among pyenv's versions, and could not be downloaded${refused:+ (${refused#; })}. Install one ($ways; anywhere: pyenv install $newest, or uv, with which make downloads it) or name one: make install PYTHON=/path/to/python$newest"
  fi
  why=
fi
if [ -n "${STACK:-}" ]; then
  why="STACK asks for it"
elif [ -z "$why" ]; then
  why="$limit"
fi

if [ "$stack" = tfx-1.16 ] && ! command -v c++ >/dev/null && ! command -v g++ >/dev/null; then
  die "TFX 1.16 needs a C++ compiler for pyfarmhash, which has no wheels there (Debian and Ubuntu: apt install g++; Fedora and RHEL: dnf install gcc-c++)"
fi

version="$("$python" -c 'import platform; print(platform.python_version())')"
if [ -n "$made" ]; then
  echo "making $venv anew: it was made in $made"
  rm -rf "$venv"
elif [ -d "$venv" ] && ! [ -f "$marker" ]; then
  # uv takes a package for whole that an interrupted installation left in part.
  echo "making $venv anew: make did not install it, or not to the end"
  rm -rf "$venv"
elif [ -d "$venv" ]; then
  held="$("$venv/bin/python" -c 'import platform; print(platform.python_version())' 2>/dev/null)" || held=
  if [ "$held" != "$version" ]; then
    echo "making $venv anew: it holds ${held:+Python }${held:-no Python that runs}"
    rm -rf "$venv"
  elif ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
  fi
fi
echo "installing $(title_of "$stack") into $venv with Python $version ($python): $why"
rm -f "$marker"
lost="see its messages above, fix the problem (network or proxy, disk space: df -h .), and run make again"
if ! [ -d "$venv" ]; then "$python" -m venv "$venv" || die "$python could not make $venv; $lost"; fi
# pip leaves alone what has the locked version already.
install_uv "$venv" || die "pip could not install uv; $lost"
. scripts/uv_settings.sh
# Both are named by path: a globally configured uv is another version, and settings of the user's
# (UV_PYTHON, UV_SYSTEM_PYTHON) may name another environment.
install() { "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps "$@"; }
# Where Python may not write bytecode, as in many containers, every start would compile TensorFlow.
install ${PYTHONDONTWRITEBYTECODE:+--compile-bytecode} --require-hashes -r requirements.lock || die "uv could not install requirements.lock; $lost"
install --no-build-isolation --editable . || die "uv could not install this project; $lost"
if [ -n "${STACK:-}" ]; then wish=asked; else wish=chosen; fi
echo "$stack $wish $locks $(cd "$venv" && pwd -P)" >"$marker"
