"""Two tasks without TFX, for `test_kubeflow_launcher`."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any


def make(inputs: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Copies what TOY_SOURCE names; fails where it holds nothing."""
    folder = pathlib.Path(outputs["data"])
    folder.mkdir()
    (folder / "first").write_text("1")
    text = pathlib.Path(os.environ["TOY_SOURCE"]).read_text()
    if not text:
        raise ValueError("the source is empty;\nfill it.")
    (folder / "text").write_text(text)
    return {"data": {"words": text.split(), "user": os.getuid(), "home": os.environ["HOME"]}}


def use(inputs: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Counts the letters."""
    text = pathlib.Path(inputs["data"], "text").read_text()
    return {"metrics": {"letters": len(text)}}
