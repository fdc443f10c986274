"""XLNet from raw text to predictions, in Python.

    >>> import xlnet_pipeline
    >>> config = xlnet_pipeline.load_config("sample", output="runs/mine")
    >>> result = xlnet_pipeline.run(config)                         # doctest: +SKIP
    >>> model = xlnet_pipeline.open_model(result.pushed_model)      # doctest: +SKIP
    >>> model.predict(["The coffee was lovely."])                   # doctest: +SKIP

What stands in `__all__` stays compatible; everything in `pipeline` and `components` may change.
docs/python.md describes it with examples, and docs/quickstart.ipynb uses all of it.
"""

from components import __version__
from components.configuration import ConfigurationError
from components.files import NoSuchFilesError
from pipeline.config import PipelineConfig
from pipeline.local_runner import RunSummary
from xlnet_pipeline.configurations import load_config, presets, to_yaml
from xlnet_pipeline.models import Model, open_model
from xlnet_pipeline.running import run

__all__ = [
    "ConfigurationError",
    "Model",
    "NoSuchFilesError",
    "PipelineConfig",
    "RunSummary",
    "__version__",
    "load_config",
    "open_model",
    "presets",
    "run",
    "to_yaml",
]
