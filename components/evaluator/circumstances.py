"""When, and with which versions, an evaluation was made, for the report."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform

from components import __version__

# The packages that decide what is computed.
_PACKAGES = ("tfx", "tensorflow", "tensorflow-text", "apache-beam")


def now() -> dict[str, str]:
    """Returns the time and the versions, by what the report calls them."""
    found = {name: _version(name) for name in _PACKAGES}
    listed = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    moment = datetime.datetime.now(datetime.timezone.utc)
    return {
        "evaluated": f"{moment:%Y-%m-%d %H:%M} UTC",
        "code version": __version__,
        "versions": f"Python {platform.python_version()}, {listed}",
    }


def _version(package: str) -> str | None:
    # An image that only evaluates one kind need not have all of them.
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
