"""Writes what is installed in this environment as a CycloneDX document: sbom.py FILE."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import sys


def components() -> list[dict[str, object]]:
    """A component per distribution, by name."""
    found = []
    for distribution in importlib.metadata.distributions():
        name, version = distribution.metadata["Name"], distribution.version
        entry: dict[str, object] = {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        }
        licence = distribution.metadata.get("License-Expression")
        if licence:
            entry["licenses"] = [{"expression": licence}]
        found.append(entry)
    return sorted(found, key=lambda entry: str(entry["purl"]))


def main() -> None:
    """Writes the document."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": components(),
    }
    pathlib.Path(sys.argv[1]).write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
