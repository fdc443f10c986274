"""Runs a pipeline in this process: Beam's local runner, SQLite for the metadata."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from components import files, interruption, plain_errors
from components.configuration import ConfigurationError
from components.evaluator.names import REPORT_NAME, RESULTS_NAME
from components.trainer import repeats
from pipeline.config import PipelineConfig
from pipeline.preset_loader import to_yaml

# TFX's name of it in the Tuner's output.
_TRIALS_NAME = "tuner_results.json"


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """What a run ended with.

    Attributes:
        blessed: whether the model passed its thresholds.
        metrics: on the evaluation split, by name.
        failures: why it did not pass.
        report: path of the HTML report.
        pushed_model: path of the served model; None if none was pushed.
        data: what became of the data, in one line.
        trials: of a search, each "trial_id", "score" and its settings, the best first.
        repeats: what `repeats.json` of the training holds; None of a single one.
    """

    blessed: bool
    metrics: dict[str, float]
    failures: list[str]
    report: str
    pushed_model: str | None
    data: str = ""
    trials: Sequence[Mapping[str, Any]] = ()
    repeats: Mapping[str, Any] | None = None


def run(config: PipelineConfig) -> RunSummary:
    """Runs all components, or takes them from the cache.

    Raises:
        ConfigurationError: if it cannot write where it is told to, before any component runs.
        NoSuchFilesError: naming the pattern, likewise.
        KeyboardInterrupt: if a training was ended by Ctrl-C; says how to go on.
    """
    absolute = _on_this_machine(config)
    # TFX takes 15 to 40 seconds to import: after the checks, not before.
    config.check_inputs()

    from tfx.orchestration import metadata
    from tfx.orchestration.beam import beam_dag_runner

    from components.trainer import preemption
    from pipeline import baseline, graph

    # Beam runs the Trainer in a thread, where no signal can be received.
    preemption.take_over_signals()

    root = absolute.run.output_root
    metadata_path = os.path.join(root, "metadata.sqlite")
    files.make_directory(root)
    files.write_bytes(os.path.join(root, "config.yaml"), to_yaml(config).encode())
    connection = metadata.sqlite_metadata_connection_config(metadata_path)
    tfx_pipeline = graph.create_pipeline(
        absolute,
        pipeline_root=os.path.join(root, "artifacts"),
        resolve_baseline=baseline.blessed_before,
        metadata_connection_config=connection,
    )
    try:
        beam_dag_runner.BeamDagRunner().run(tfx_pipeline)
    except Exception as error:
        if interruption.asked.is_set():
            raise KeyboardInterrupt(plain_errors.message(error)) from error
        raise
    return summarize(metadata_path, config)


def _on_this_machine(config: PipelineConfig) -> PipelineConfig:
    """The configuration with the whole path of its output, which must be on a disk."""
    root = config.run.output_root
    if "://" in root:
        raise ConfigurationError(
            f"run.output_root is {root}, but a run in this process keeps TFX's metadata in an "
            "SQLite file, which needs a disk. Give a folder of this machine (--output), and "
            f"run.push_to={root.rstrip('/')}/serving for models in the bucket."
        )
    run = dataclasses.replace(config.run, output_root=os.path.abspath(root))
    return dataclasses.replace(config, run=run)


def summarize(metadata_path: str, config: PipelineConfig) -> RunSummary:
    """Reads what the latest run left behind.

    Args:
        metadata_path: SQLite file.
        config: of that run.
    """
    from ml_metadata import metadata_store
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata

    connection = metadata.sqlite_metadata_connection_config(metadata_path)
    store = metadata_store.MetadataStore(connection)

    def latest(type_name: str) -> metadata_store_pb2.Artifact | None:
        """Output of the latest execution, which a cached run repeats."""
        artifacts = {artifact.id: artifact for artifact in store.get_artifacts_by_type(type_name)}
        events = [
            event
            for event in store.get_events_by_artifact_ids(list(artifacts))
            if event.type == metadata_store_pb2.Event.OUTPUT
        ]
        if not events:
            return None
        return artifacts[max(events, key=lambda event: event.execution_id).artifact_id]

    def content(type_name: str, name: str) -> Any:
        return json.loads(files.read_bytes(files.join(latest(type_name).uri, name)))

    evaluation = latest("ModelEvaluation").uri
    results = content("ModelEvaluation", RESULTS_NAME)
    pushed = latest("PushedModel") if results["blessed"] else None
    return RunSummary(
        blessed=results["blessed"],
        metrics=results["metrics"],
        failures=results["failures"],
        report=files.join(evaluation, REPORT_NAME),
        pushed_model=(
            pushed.custom_properties["pushed_destination"].string_value if pushed else None
        ),
        data=results.get("data", ""),
        trials=content("TunerResults", _TRIALS_NAME) if config.search else (),
        repeats=content("ModelRun", repeats.REPORT_NAME) if config.repeats else None,
    )
