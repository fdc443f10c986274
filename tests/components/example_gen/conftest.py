"""A harness that converts a data set in Beam and reads everything back."""

import dataclasses
import glob
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components import tf_examples, tfrecords
from components.example_gen import counts_file
from components.example_gen.classification import conversion, inputs, outcome
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.plan import make_plan


@dataclasses.dataclass(frozen=True)
class Converted:
    """Outputs of one conversion.

    Attributes:
        directory: they lie in.
        counts: by split.
        examples: decoded, by split, in the order of the files.
        dead_letters: parsed, by split, in the order of the files.
        metrics: Beam's counters by name.
    """

    directory: pathlib.Path
    counts: Mapping[str, Any]
    examples: Mapping[str, list[dict[str, Any]]]
    dead_letters: Mapping[str, list[dict[str, str]]]
    metrics: Mapping[str, int]

    def files(self) -> dict[str, bytes]:
        """Contents by path relative to the directory."""
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file()
        }


def run_conversion(
    dataset: TextDataset,
    data_root: Any,
    directory: pathlib.Path,
    *,
    seed: int = 1,
    shard_bytes: int = 1 << 26,
    max_row_bytes: int = 100_000,
    max_dead_letter_share: float = 1.0,
    beam_arguments: tuple[str, ...] = (),
) -> Converted:
    input_files = inputs.check_inputs(dataset, str(data_root))
    plan = make_plan(
        dataset, input_files, seed=seed, shard_bytes=shard_bytes, max_row_bytes=max_row_bytes
    )
    split_directories = {name: f"{directory}/Split-{name}" for name in plan.output_splits}
    options = PipelineOptions(["--runner=FnApiRunner", *beam_arguments])
    pipeline = beam.Pipeline(options=options)
    conversion.convert(
        pipeline,
        plan,
        input_files,
        split_directories=split_directories,
        directory=str(directory),
        counts_path=counts_file.provisional_path(str(directory)),
    )
    result = pipeline.run()
    result.wait_until_finish()
    counts = outcome.finish(
        plan,
        split_directories=split_directories,
        directory=str(directory),
        max_dead_letter_share=max_dead_letter_share,
    )
    return Converted(
        directory=directory,
        counts=counts,
        examples={
            name: [
                {
                    key: _plain(values, is_list=key == "options")
                    for key, values in tf_examples.decode(record).items()
                }
                for path in sorted(glob.glob(f"{split_directory}/*"))
                for record in tfrecords.read_records(path)
            ]
            for name, split_directory in split_directories.items()
        },
        dead_letters={
            name: [
                json.loads(line)
                for path in sorted(glob.glob(f"{directory}/dead_letters/{name}-*"))
                for line in pathlib.Path(path).read_text().splitlines()
            ]
            for name in plan.output_splits
        },
        metrics={
            counter.key.metric.name: counter.committed
            for counter in result.metrics().query()["counters"]
            if counter.key.metric.namespace == conversion.METRICS_NAMESPACE
        },
    )


@pytest.fixture
def convert(tmp_path):
    """`run_conversion` into a new directory at each call."""
    calls = []

    def run(dataset, data_root, **arguments):
        directory = tmp_path / f"output-{len(calls)}"
        calls.append(directory)
        return run_conversion(dataset, data_root, directory, **arguments)

    return run


def _plain(values, *, is_list):
    plain = [value.decode() if isinstance(value, bytes) else value for value in values]
    if is_list:
        return plain
    (value,) = plain
    return value
