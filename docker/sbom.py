"""Prints what is installed in the image that runs it, as a CycloneDX document."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
import sysconfig
import urllib.parse
from collections.abc import Iterator
from typing import Any

_DPKG_FORMAT = "${Package}\\t${Version}\\t${Architecture}\\n"


def python_packages() -> Iterator[dict[str, Any]]:
    """A component per distribution of this Python's environment and of the Python below it."""
    below = sysconfig.get_path("purelib", vars={"base": sys.base_prefix})
    for distribution in importlib.metadata.distributions(path=[*sys.path, below]):
        name, version = distribution.metadata["Name"], distribution.version
        found = _component(
            "library", name, version, f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
        )
        licence = distribution.metadata.get("License-Expression")
        if licence:
            found["licenses"] = [{"expression": licence}]
        yield found


def debian_packages() -> Iterator[dict[str, Any]]:
    """A component per package of the base image."""
    listed = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={_DPKG_FORMAT}"],
        check=True,
        capture_output=True,
        text=True,
    )
    for line in listed.stdout.splitlines():
        name, version, architecture = line.split("\t")
        encoded = urllib.parse.quote(version, safe="")
        yield _component(
            "library", name, version, f"pkg:deb/debian/{name}@{encoded}?arch={architecture}"
        )


def interpreter() -> dict[str, Any]:
    """Python itself, which is in neither list where the base image brings it."""
    version = platform.python_version()
    return _component("application", "python", version, f"pkg:generic/python@{version}")


def _component(kind: str, name: str, version: str, purl: str) -> dict[str, Any]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main() -> None:
    """Prints the document."""
    found = [interpreter(), *python_packages(), *debian_packages()]
    # Both Pythons may hold the same pip.
    by_purl = {component["purl"]: component for component in found}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [by_purl[purl] for purl in sorted(by_purl)],
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
