"""CorpusExampleGen: the TFX component that turns files of running text into raw examples."""

from __future__ import annotations

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.orchestration import data_types

from components.example_gen import tfx_example_gen
from components.example_gen.pretraining import executor
from components.example_gen.pretraining.corpus_inputs import CorpusSettings


class CorpusExampleGen(FileBasedExampleGen):
    """Converts text, JSON lines or TFRecord files into one example per document.

    An example holds the `text` of a document, and where it comes from.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples`; besides the splits, its directory
       holds `dead_letters/` and `counts.json`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, data_root: str | data_types.RuntimeParameter, settings: CorpusSettings):
        """Constructs the component without accessing any file.

        Args:
            data_root: directory that the file patterns are relative to.
            settings: which files to read, and how they become splits.
        """
        super().__init__(
            input_base=data_root,
            **tfx_example_gen.arguments(
                settings, executor.input_patterns(settings), settings.document_split
            ),
        )
