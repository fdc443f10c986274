"""SquadExampleGen: the TFX component that turns SQuAD files into raw examples."""

from __future__ import annotations

from google.protobuf import wrappers_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2

from components import configuration
from components.example_gen.squad_conversion import SquadSettings
from components.example_gen.squad_executor import Executor


class SquadExampleGen(FileBasedExampleGen):
    """Paragraphs with their questions (`components.example_gen.squad_examples`) of SQuAD files.

    It is a FileBasedExampleGen, so that TFX's driver fingerprints the input files: an unchanged
    run is taken from the cache. Patterns may hold TFX's {SPAN}, {VERSION} and date placeholders.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples`; besides the splits its directory
       holds `dead_letters/` and `counts.json`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, data_root: str | data_types.RuntimeParameter, settings: SquadSettings):
        """Constructs the component; touches no file.

        Args:
            data_root: directory below which the patterns match.
            settings: files and splits.
        """
        text = wrappers_pb2.StringValue(value=configuration.to_json(settings))
        custom_config = example_gen_pb2.CustomConfig()
        custom_config.custom_config.Pack(text)
        shares = settings.article_split
        if not shares and len(settings.patterns) == 1:
            # Without this TFX assumes that a single input is to be split in two.
            shares = dict.fromkeys(settings.patterns, 1)
        output = example_gen_pb2.SplitConfig(
            splits=[
                example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share)
                for name, share in shares.items()
            ]
        )
        super().__init__(
            input_base=data_root,
            input_config=example_gen_pb2.Input(
                splits=[
                    example_gen_pb2.Input.Split(name=name, pattern=pattern)
                    for name, pattern in settings.patterns.items()
                ]
            ),
            output_config=example_gen_pb2.Output(split_config=output),
            custom_config=custom_config,
        )
