"""SquadExampleGen: the TFX component that turns SQuAD files into raw examples."""

from __future__ import annotations

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.orchestration import data_types

from components.example_gen import tfx_example_gen
from components.example_gen.question_answering.executor import Executor
from components.example_gen.question_answering.squad_inputs import SquadSettings


class SquadExampleGen(FileBasedExampleGen):
    """Converts SQuAD files into one example per paragraph, with its questions.

    See `squad_examples` for the features.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples`; besides the splits, its directory
       holds `dead_letters/` and `counts.json`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, data_root: str | data_types.RuntimeParameter, settings: SquadSettings):
        """Constructs the component without accessing any file.

        Args:
            data_root: directory that the file patterns are relative to.
            settings: which files to read, and how they become splits.
        """
        super().__init__(
            input_base=data_root,
            **tfx_example_gen.arguments(settings, settings.patterns, settings.article_split),
        )
