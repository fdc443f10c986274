"""How the user can call this command and its neighbours, for the lines that say what to do next."""

from __future__ import annotations

import os
import sys

_NAME = "xlnet-pipeline"


def this_command() -> str:
    """Returns this command as the user called it, because it may not be on PATH."""
    return sys.argv[0] if os.path.basename(sys.argv[0]) == _NAME else _NAME


def beside_this_command(name: str) -> str:
    """Returns another program of this environment as the user can call it."""
    folder = os.path.dirname(sys.argv[0])
    path = os.path.join(folder, name)
    return path if folder and os.path.exists(path) else name
