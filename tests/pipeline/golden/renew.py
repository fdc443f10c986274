"""Writes the golden specification anew: `python -m tests.pipeline.golden.renew`."""

import pathlib
import tempfile

from pipeline import compilation
from tests.pipeline import conftest

if __name__ == "__main__":
    folder = pathlib.Path(tempfile.mkdtemp())
    config = conftest.deployed.__wrapped__(folder)()
    text = compilation.to_text(compilation.compile_pipeline(config, "kfp"), "kfp")
    pathlib.Path(__file__).with_name("sample.kfp.yaml").write_text(text)
