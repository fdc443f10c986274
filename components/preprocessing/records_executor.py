"""The base of the TFX executors whose Beam jobs make records (see `records_job`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import apache_beam as beam
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components import beam_workers, dead_letter_file, manifest
from components.example_gen import counts_file
from components.preprocessing import records_job

_logger = logging.getLogger(__name__)

SENTENCEPIECE_MODEL_KEY = "sentencepiece_model"
RECORDS_KEY = "records"

_Job = TypeVar("_Job", bound=records_job.RecordsJob)


class RecordsExecutor(base_beam_executor.BaseBeamExecutor):
    """Runs a `RecordsJob` in Beam, and preserves its dead letters if it fails."""

    def make_records(
        self,
        job: _Job,
        *,
        add_to_pipeline: Callable[[beam.Pipeline, _Job], None],
        finish: Callable[..., manifest.Manifest],
        examples: list[types.Artifact],
        records: types.Artifact,
    ) -> None:
        """Runs the job and fills the artifact of its records.

        Args:
            job: the job to run.
            add_to_pipeline: adds the stages of the job to a Beam pipeline.
            finish: checks the results of the pipeline and writes the manifest.
            examples: the artifact that the job reads; its counts are copied into the manifest.
            records: the artifact to which the job writes.

        Raises:
            ValueError: if too much of the input was unusable, or if there are no records.
        """
        records.split_names = artifact_utils.encode_split_names(list(job.inputs))
        with self._make_beam_pipeline() as pipeline:
            if beam_workers.begins_anew(pipeline):
                records_job.clear_output(job)
            add_to_pipeline(pipeline, job)
        kept = dead_letter_file.place_to_keep(self._context, records.uri)
        with dead_letter_file.kept_on_failure(records.uri, kept):
            made = finish(
                job,
                input_counts=counts_file.of_input(artifact_utils.get_single_uri(examples)),
                kept=kept,
            )
        counts_file.amount(made.counts, made.shards, "records").log(_logger)
