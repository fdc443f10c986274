"""Runs a whole pipeline in this process, for `xlnet-pipeline run`.

It uses TFX's BeamDagRunner, and keeps the metadata in an SQLite file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components import events, files, interruption
from components.configuration import ConfigurationError
from components.evaluator.names import REPORT_NAME, RESULTS_NAME
from components.trainer import repeats
from pipeline import output_folder
from pipeline.config import PipelineConfig
from pipeline.preset_loader import to_yaml
from pipeline.pushed_folder import CONFIG_NAME

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

METADATA_NAME = "metadata.sqlite"
_logger = logging.getLogger(__name__)

# The file name that TFX gives to the list of trials in the Tuner's output.
_TRIALS_NAME = "tuner_results.json"


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """The results of a run.

    Attributes:
        blessed: whether the model passed its thresholds.
        metrics: metrics on the evaluation split, by name; None for what is undefined.
        failures: why the model did not pass, one sentence for each reason; empty if it passed.
        report: path of the HTML report.
        pushed_model: path of the pushed model; None if no model was pushed.
        curves: folder with the learning curves, for TensorBoard; None if nothing was trained here.
        classes: "precision", "recall", "f1" and "examples" by label; empty for tasks without
            classes.
        data: one line about rows that were left out, cut or unknown to the vocabulary.
        trials: the trials of a search, best first; each has "trial_id", "score" and its settings.
        repeats: content of the training's `repeats.json`; None if only one seed was trained.
    """

    blessed: bool
    metrics: dict[str, float | None]
    failures: list[str]
    report: str
    pushed_model: str | None
    curves: str | None = None
    classes: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    data: str = ""
    trials: Sequence[Mapping[str, Any]] = ()
    repeats: Mapping[str, Any] | None = None


def run(config: PipelineConfig) -> RunSummary:
    """Runs all components, or takes their outputs from the cache.

    Raises:
        ConfigurationError: if the output folder is not on a local disk. This is checked before any
            component runs.
        NoSuchFilesError: if an input is missing; the message names the pattern. This too is checked
            before any component runs.
        OutputInUseError: if another run works in the output folder.
        KeyboardInterrupt: if Ctrl-C ended the run; after a training, the message says how to
            continue.
        TerminatedError: if SIGTERM ended it while a component waited for a job elsewhere.
    """
    absolute = _on_this_machine(config)
    _say_what_will_happen(config)
    # TFX takes 15 to 40 seconds to import, so report mistakes in the configuration first.
    config.check_inputs()
    _logger.info("loading TFX and TensorFlow …")

    from tfx.orchestration import metadata

    from pipeline import baseline, graph, input_digests

    root = absolute.run.output_root
    metadata_path = os.path.join(root, METADATA_NAME)
    files.make_directory(root)
    with output_folder.reserved(root):
        files.write_bytes(os.path.join(root, CONFIG_NAME), to_yaml(config).encode())
        if files.exists(metadata_path):
            _forget_removed_models(root)
        connection = metadata.sqlite_metadata_connection_config(metadata_path)
        tfx_pipeline = graph.create_pipeline(
            absolute,
            pipeline_root=os.path.join(root, "artifacts"),
            resolve_baseline=baseline.blessed_before,
            metadata_connection_config=connection,
        )
        input_digests.bind(tfx_pipeline.components, absolute)
        names = [component.id for component in tfx_pipeline.components]
        events.log(
            _logger,
            "start",
            "%d steps: %s",
            len(names),
            ", ".join(names),
            output=root,
            components=names,
        )
        _execute(tfx_pipeline)
        summary = summarize(root, config)
    verdict = "blessed and pushed" if summary.blessed else "not blessed, and not pushed"
    events.log(_logger, "result", "the model is %s", verdict, **dataclasses.asdict(summary))
    return summary


def _execute(tfx_pipeline: Pipeline) -> None:
    """Runs the components, and leaves the process as it was before."""
    from tfx.orchestration.beam import beam_dag_runner

    from components.trainer import preemption

    try:
        with (
            interruption.recognized(),
            # Beam may run the Trainer in a thread other than this one, where no signal arrives.
            preemption.signals_taken_over(),
            orchestration_without_download(),
            _arguments_hidden(),
        ):
            beam_dag_runner.BeamDagRunner().run(tfx_pipeline)
    finally:
        # The next run in this process has not been asked.
        interruption.asked.clear()


@contextlib.contextmanager
def orchestration_without_download() -> Iterator[None]:
    """Makes TFX's BeamDagRunner start components with a runner that Beam brings along.

    BeamDagRunner leaves the choice to Beam, whose default first downloads the program Prism from
    GitHub, if it can, and runs on that. Where there is a network, a run would then be another one
    than where there is none.
    """
    from apache_beam.options.pipeline_options import StandardOptions

    before = StandardOptions.DEFAULT_RUNNER
    StandardOptions.DEFAULT_RUNNER = "FnApiRunner"
    try:
        yield
    finally:
        StandardOptions.DEFAULT_RUNNER = before


@contextlib.contextmanager
def _arguments_hidden() -> Iterator[None]:
    """Hides the arguments of this process, which TFX's Beam components would parse as their own."""
    before = sys.argv
    sys.argv = before[:1]
    try:
        yield
    finally:
        sys.argv = before


def _forget_removed_models(output_root: str) -> None:
    """Makes the Pusher push anew what somebody has removed from where it was pushed to.

    TFX takes the Pusher's output from its cache without a look at that place.
    """
    from pipeline import run_records, unneeded_artifacts

    store = run_records.connect(output_root, writes=True)
    gone = [
        artifact
        for artifact in store.get_artifacts_by_type("PushedModel")
        if (destination := run_records.pushed_to(artifact))
        # What was removed by an earlier run need not be removed again.
        and artifact.state != artifact.DELETED
        and not files.is_folder(destination)
    ]
    unneeded_artifacts.remove(store, gone)


def _say_what_will_happen(config: PipelineConfig) -> None:
    training, model = config.training, config.model
    weights = f"from {config.init_from}" if config.init_from else "from random weights"
    events.log(
        _logger,
        "plan",
        "%s (%s): %s → %s",
        config.name,
        config.kind.replace("_", " "),
        config.data.root,
        config.run.output_root,
        name=config.name,
        kind=config.kind,
        data=config.data.root,
        output=config.run.output_root,
    )
    _logger.info(
        "%s steps of %s examples, %d layers of %d, %s",
        f"{training.train_steps:,}",
        f"{training.batch_size:,}",
        model.n_layer,
        model.d_model,
        weights,
    )


def _on_this_machine(config: PipelineConfig) -> PipelineConfig:
    """Makes the output folder an absolute path; raises ConfigurationError unless it is local."""
    root = config.run.output_root
    if "://" in root:
        raise ConfigurationError(
            f"run.output_root is {root}, but a run in this process keeps TFX's metadata in an "
            "SQLite file, which needs a disk. Give a folder of this machine (--output), and "
            f"run.push_to={root.rstrip('/')}/serving for models in the bucket."
        )
    run = dataclasses.replace(config.run, output_root=os.path.abspath(root))
    return dataclasses.replace(config, run=run)


def summarize(output_root: str, config: PipelineConfig) -> RunSummary:
    """Collects the results of the latest run from its metadata and artifacts.

    Args:
        output_root: the folder that the run wrote to.
        config: configuration of that run.
    """
    from ml_metadata.proto import metadata_store_pb2

    from pipeline import run_records

    store = run_records.connect(output_root)

    def latest(type_name: str) -> metadata_store_pb2.Artifact | None:
        """Finds the output of the latest execution, which may be one served from the cache."""
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
    trained = latest("ModelRun")
    return RunSummary(
        blessed=results["blessed"],
        metrics=results["metrics"],
        failures=results["failures"],
        report=files.join(evaluation, REPORT_NAME),
        pushed_model=run_records.pushed_to(pushed) if pushed else None,
        curves=trained.uri if trained else None,
        classes=results.get("classes", {}),
        data=results.get("data", ""),
        trials=content("TunerResults", _TRIALS_NAME) if config.search else (),
        repeats=content("ModelRun", repeats.REPORT_NAME) if config.repeats else None,
    )
