"""Pretraining, from ordered records to weights, and evaluation of weights on held-out records."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

import tensorflow as tf

from components import manifest as manifest_lib
from components.checkpoint_conversion import named_checkpoint
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.cost import Workload
from components.records import PRETRAINING
from components.trainer import strategy
from components.trainer.config import TrainingConfig
from components.trainer.input_share import InputShare
from components.trainer.loop import TrainingResult
from components.trainer.pretraining.pretraining_input import (
    PretrainingInput,
    PretrainingInputConfig,
)
from components.trainer.pretraining.pretraining_schedule import Corpus
from components.trainer.pretraining.task import PretrainingTask
from components.trainer.steps import Evaluation
from components.trainer.training_run import check_records, completed, train_and_write

TRAINING_SPLIT, EVALUATION_SPLIT = "train", "eval"

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """Everything that determines a pretraining run, besides its records.

    The manifests of all records must agree with the settings that describe records.

    Attributes:
        seq_len: number of tokens per record.
        num_predict: number of tokens to predict per record; None if it varies.
        uncased: whether the text of the records was lower-cased.
        keep_accents: whether the records keep the accents of the text.
        perm_size: length of the permutation.
        leak_ratio: fraction of the tokens to predict that every token may see nevertheless.
        tie_weight: whether the output layer shares the word embeddings, as published.
        weight: weight of the run's own records relative to those of `mix_with`.
        mix_with: further directories of records to mix in, each with its weight.
        model: sizes of the network.
        options: dropout, initialisation, compute dtype, memory, `reuse_len` and `bi_data`.
        training: optimizer, schedule, devices.
        init_from: folder in the published layout to continue from; None for random weights.
    """

    seq_len: int
    num_predict: int | None
    uncased: bool
    perm_size: int
    model: XLNetConfig
    options: ModelOptions
    training: TrainingConfig
    keep_accents: bool = False
    leak_ratio: float = 0.0
    tie_weight: bool = True
    weight: float = 1.0
    mix_with: tuple[Corpus, ...] = ()
    init_from: str | None = None

    def __post_init__(self) -> None:
        self.options.check_training()

    def make_task(self) -> PretrainingTask:
        """Returns the task for the training loop."""
        return PretrainingTask(self.model, self.options, self.tie_weight)


@dataclasses.dataclass(frozen=True)
class PretrainingData:
    """The records of a pretraining run, in the form that the training loop takes (`training_data`).

    Attributes:
        config: training configuration of the run.
        train: training split of all corpora.
        evaluation: held-out split of the run's own records; None if there is none.
    """

    config: TrainingConfig
    train: PretrainingInput
    evaluation: PretrainingInput | None

    @property
    def steps_per_epoch(self) -> int:
        """Number of updates in one pass over the training split; at least 1."""
        return max(self.train.num_records // self.config.batch_size, 1)

    @property
    def has_evaluation(self) -> bool:
        """Whether there is a split to evaluate on during training."""
        return self.evaluation is not None

    def check(self, num_replicas: int = 1) -> None:
        """Checks that the held-out records fill a batch that the replicas can share.

        The manifests have already been checked when the inputs were opened.

        Raises:
            PretrainingInputError: if they do not fill a batch, or cannot be shared evenly.
        """
        if self.evaluation is not None:
            self._evaluation_of(num_replicas).check_evaluation(num_replicas)

    def training_batches(
        self, first_step: int, *, num_steps: int, share: InputShare
    ) -> tf.data.Dataset:
        """Returns the batches from `first_step` on; see `PretrainingInput.training`."""
        return self.train.training(
            num_steps=first_step + num_steps,
            first_step=first_step,
            host=share.host,
            num_hosts=share.num_hosts,
            num_replicas=share.parts,
        )

    def evaluation_batch_size(self, num_replicas: int) -> int:
        """Returns the number of rows in a global evaluation batch.

        This is the configured number, or less if the held-out split has too few files for it: then
        it is the largest number that the replicas can share evenly.
        """
        return self._evaluation_of(num_replicas).config.batch_size

    def evaluation_batches(self, share: InputShare) -> tf.data.Dataset:
        """Returns one pass over the held-out records; see the module function of the same name."""
        return evaluation_batches(self._evaluation_of(share.num_hosts * share.parts), share)

    def _evaluation_of(self, num_replicas: int) -> PretrainingInput:
        if self.evaluation.config.batch_size == self.config.eval_batch_size:
            return self.evaluation
        return self.evaluation.shared_by(num_replicas)


def evaluation_batches(records: PretrainingInput, share: InputShare) -> tf.data.Dataset:
    """Returns one pass over held-out records, as `Evaluation` takes them; all rows are real."""
    real = tf.ones([records.config.batch_size // share.num_hosts], tf.int32)
    return records.evaluation(
        host=share.host, num_hosts=share.num_hosts, num_replicas=share.parts
    ).map(lambda features: {**features, "is_real_example": real})


def pretrain(
    config: PretrainingConfig, *, records_dir: str, model_dir: str, state_root: str | None = None
) -> TrainingResult:
    """Checks the records against the configuration, trains, and writes the weights by name.

    Args:
        config: configuration of the run.
        records_dir: folder of the records and their manifest, with the split "train" and, for
            evaluations, "eval".
        model_dir: folder for the weights (under `xlnet/`) and the training curves.
        state_root: folder in which every run keeps its state in a subfolder of its own; None keeps
            the state in `model_dir`.

    Raises:
        ManifestError: if records were made with other settings; every difference is listed.
        PretrainingInputError: if the batch size does not fit that of the records.
        PermutationError: if `perm_size` does not fit the other sizes.
        ValueError: if the vocabulary does not fit the model.
    """
    manifest = manifest_lib.read(records_dir)
    config = completed(config, manifest)
    own = Corpus(records_dir, config.weight)
    train_records = _open(
        config,
        manifest,
        corpora=[own, *config.mix_with],
        split=TRAINING_SPLIT,
        batch_size=config.training.batch_size,
        size_setting="training.batch_size",
    )
    evaluation = None
    if manifest.shards.get(EVALUATION_SPLIT):
        evaluation = _open_evaluation(config, manifest, records_dir)
    return train_and_write(
        config,
        name="pretraining",
        task=config.make_task(),
        data=PretrainingData(config.training, train_records, evaluation),
        manifest=manifest,
        workload=Workload(
            task="pretraining",
            batch_size=config.training.batch_size,
            seq_len=config.seq_len,
            num_predict=train_records.num_predict,
            tie_weight=config.tie_weight,
        ),
        model_dir=model_dir,
        state_root=state_root,
        mixed_in=[manifest_lib.read(corpus.directory) for corpus in config.mix_with],
    )


def evaluate(config: PretrainingConfig, *, records_dir: str, weights: str) -> dict[str, float]:
    """Returns the metrics of weights on the held-out records, computed on one device.

    Args:
        config: configuration of the run that made the weights.
        records_dir: folder of the records and their manifest.
        weights: folder of the weights in the published layout.

    Raises:
        ManifestError, PretrainingInputError: in the same cases as `pretrain`.
        WeightsError: if the weights do not fit the model.
    """
    manifest = manifest_lib.read(records_dir)
    config = completed(config, manifest)
    task = config.make_task()
    records = _open_evaluation(config, manifest, records_dir)
    model = task.build_model()
    named_checkpoint.restore(model.variables, weights)
    device = tf.distribute.get_strategy()
    jit_compile = strategy.uses_xla(config.training, device)
    return Evaluation(task=task, model=model, strategy=device, jit_compile=jit_compile).metrics(
        lambda share: evaluation_batches(records, share), batch_size=records.config.batch_size
    )


def _open_evaluation(
    config: PretrainingConfig, manifest: manifest_lib.Manifest, records_dir: str
) -> PretrainingInput:
    """Opens the held-out split of a run's own records, in batches for which it has enough files."""
    batch_size = config.training.eval_batch_size
    # Each file supplies a fixed number of rows of every batch, so the number of files limits the
    # batch size.
    rows = manifest.parameters["batch_size"]
    most = rows * max(len(manifest.shards.get(EVALUATION_SPLIT, [])), 1)
    if most < batch_size:
        _logger.warning(
            "training.eval_batch_size is %d, but the held-out split has files for %d rows a "
            "batch: evaluating in batches of at most %d",
            batch_size,
            most,
            most,
        )
        batch_size = most
    return _open(
        config,
        manifest,
        corpora=[Corpus(records_dir)],
        split=EVALUATION_SPLIT,
        batch_size=batch_size,
        size_setting="training.eval_batch_size",
    )


def _open(
    config: PretrainingConfig,
    manifest: manifest_lib.Manifest,
    *,
    corpora: Sequence[Corpus],
    split: str,
    batch_size: int,
    size_setting: str,
) -> PretrainingInput:
    normalised = {"uncased": config.uncased, "keep_accents": config.keep_accents}
    check_records(
        manifest,
        expected={"record_type": PRETRAINING.name, **normalised},
        model=config.model,
    )
    return PretrainingInput(
        PretrainingInputConfig(
            corpora=tuple(corpora),
            split=split,
            batch_size=batch_size,
            size_setting=size_setting,
            seq_len=config.seq_len,
            reuse_len=config.options.reuse_len,
            bi_data=config.options.bi_data,
            perm_size=config.perm_size,
            num_predict=config.num_predict,
            leak_ratio=config.leak_ratio,
            seed=config.training.seed,
            expected={
                **normalised,
                "vocabulary_sha256": manifest.vocabulary_sha256,
            },
        )
    )
