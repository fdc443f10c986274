"""TextExampleGen: the TFX component that turns text files into raw examples."""

from __future__ import annotations

from google.protobuf import wrappers_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2

from components import configuration
from components.example_gen.dataset import TextDataset
from components.example_gen.executor import Executor
from components.example_gen.settings import TextExampleGenSettings


class TextExampleGen(FileBasedExampleGen):
    """Raw examples (`guid`, `text_a`, `text_b`, `label`, and where they are from) of text files.

    It is a FileBasedExampleGen, so that TFX's driver fingerprints the input files (their number,
    sizes and modification times): an unchanged run is taken from the cache, locally and on
    Kubeflow Pipelines. Patterns may hold TFX's {SPAN}, {VERSION} and date placeholders.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples`; besides the splits its directory
       holds `dead_letters/` and `counts.json`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        data_root: str | data_types.RuntimeParameter,
        settings: TextExampleGenSettings,
    ):
        """Constructs the component; touches no file.

        Args:
            data_root: directory below which the patterns of the data set's splits match.
            settings: the data set, and how it is read.
        """
        dataset = settings.dataset
        text = wrappers_pb2.StringValue(value=configuration.to_json(settings))
        custom_config = example_gen_pb2.CustomConfig()
        custom_config.custom_config.Pack(text)
        super().__init__(
            input_base=data_root,
            input_config=example_gen_pb2.Input(
                splits=[
                    example_gen_pb2.Input.Split(name=name, pattern=split.pattern)
                    for name, split in dataset.splits.items()
                ]
            ),
            output_config=_output_config(dataset),
            custom_config=custom_config,
        )


def _output_config(dataset: TextDataset) -> example_gen_pb2.Output:
    """The output splits in TFX's terms: the executor goes by the data set itself."""
    if dataset.hash_split:
        shares = dataset.hash_split
    elif len(dataset.splits) == 1:
        # Without this TFX assumes that a single input is to be split in two.
        shares = dict.fromkeys(dataset.splits, 1)
    else:
        shares = {}
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[
                example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share)
                for name, share in shares.items()
            ]
        )
    )
