"""TextExampleGen: the TFX component that turns text files into raw examples."""

from __future__ import annotations

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.orchestration import data_types

from components.example_gen import tfx_example_gen
from components.example_gen.classification.executor import Executor
from components.example_gen.classification.settings import TextExampleGenSettings


class TextExampleGen(FileBasedExampleGen):
    """Converts text files into one example per row.

    An example holds `guid`, `text_a`, `text_b`, `label`, and where it comes from.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples`; besides the splits, its directory
       holds `dead_letters/` and `counts.json`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        data_root: str | data_types.RuntimeParameter,
        settings: TextExampleGenSettings,
    ):
        """Constructs the component without accessing any file.

        Args:
            data_root: directory that the patterns of the data set's splits are relative to.
            settings: description of the data set, and how to read it.
        """
        dataset = settings.dataset
        patterns = {name: split.pattern for name, split in dataset.splits.items()}
        super().__init__(
            input_base=data_root,
            **tfx_example_gen.arguments(settings, patterns, dataset.hash_split or {}),
        )
