"""What an earlier attempt left is removed, unless its job still runs and goes on writing there."""

import pathlib

import apache_beam as beam
import pytest
from tfx.types import standard_artifacts

from components import manifest
from components.preprocessing.records_executor import RecordsExecutor
from components.preprocessing.records_job import RecordsJob


class Executor(RecordsExecutor):
    job_of_earlier_attempt = None

    def Do(self, *given):  # noqa: N802
        raise NotImplementedError

    def _make_beam_pipeline(self):
        pipeline = beam.Pipeline(runner="FnApiRunner")
        pipeline.runner.find_job = lambda options: self.job_of_earlier_attempt
        return pipeline


def finish(job, *, input_counts, kept):
    del job, input_counts, kept
    return manifest.Manifest(
        record_type="x", parameters={}, vocabulary_sha256="", shards={}, counts={}
    )


@pytest.mark.parametrize(("found", "stays"), [(None, False), ("2026-01-01", True)])
def test_a_job_that_still_writes_keeps_its_files(tmp_path, found, stays):
    examples, records = standard_artifacts.Examples(), standard_artifacts.Examples()
    examples.uri, records.uri = str(tmp_path / "examples"), str(tmp_path / "records")
    pathlib.Path(examples.uri).mkdir()
    pathlib.Path(examples.uri, "counts.json").write_text("{}")
    shard = tmp_path / "records/Split-train/a.tfrecord"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"of the earlier attempt")
    executor = Executor()
    executor.job_of_earlier_attempt = found
    executor.make_records(
        RecordsJob(output_directory=records.uri, inputs={"train": ()}, tokenizer=None),
        add_to_pipeline=lambda pipeline, job: pipeline | beam.Create([1]),
        finish=finish,
        examples=[examples],
        records=records,
    )
    assert shard.exists() == stays
