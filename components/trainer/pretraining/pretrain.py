"""Pretraining from ordered records to weights, and the held-out perplexity of weights."""

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
from components.trainer.training_run import check_records, train_and_write, with_vocabulary

TRAINING_SPLIT, EVALUATION_SPLIT = "train", "eval"

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """All that a pretraining run is determined by, beside its records.

    Attributes:
        seq_len: tokens per record; like all that describes records, the manifests must agree.
        num_predict: predicted tokens of a record; None for a free number.
        uncased: whether the records were lower-cased.
        keep_accents: whether the records' accents were kept.
        perm_size: longest permutation.
        leak_ratio: share of the tokens to be predicted that all may see.
        tie_weight: whether the output layer shares the word embeddings, as published.
        weight: of the run's own records among those of `mix_with`.
        mix_with: directories of further records, each with its weight.
        model: sizes of the model.
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

    def make_task(self) -> PretrainingTask:
        """The task of the training loop."""
        return PretrainingTask(self.model, self.options, self.tie_weight)


@dataclasses.dataclass(frozen=True)
class PretrainingData:
    """Records of a pretraining run, as the training loop takes them.

    Attributes:
        config: of the run.
        train: training split of all corpora.
        evaluation: held-out split of the run's own records; None for none.
    """

    config: TrainingConfig
    train: PretrainingInput
    evaluation: PretrainingInput | None

    @property
    def steps_per_epoch(self) -> int:
        """Updates after which the training split was seen once; at least 1."""
        return max(self.train.num_records // self.config.batch_size, 1)

    @property
    def has_evaluation(self) -> bool:
        """Whether there is a split for the evaluations during training."""
        return self.evaluation is not None

    def check(self, num_replicas: int = 1) -> None:
        """Looks whether the held-out records fill a batch; the inputs look at their manifests.

        Raises:
            PretrainingInputError: if they do not, or the replicas cannot share it evenly.
        """
        if self.evaluation is not None:
            self.evaluation.check_evaluation(num_replicas)

    def training_batches(
        self, first_step: int, *, num_steps: int, share: InputShare
    ) -> tf.data.Dataset:
        """See `PretrainingInput.training`."""
        return self.train.training(
            num_steps=first_step + num_steps,
            first_step=first_step,
            host=share.host,
            num_hosts=share.num_hosts,
            num_replicas=share.parts,
        )

    def evaluation_batch_size(self, num_replicas: int) -> int:
        """Rows that the held-out files can feed; that replicas can share them is checked."""
        del num_replicas
        return self.evaluation.config.batch_size

    def evaluation_batches(self, share: InputShare) -> tf.data.Dataset:
        """See the function of this name."""
        return evaluation_batches(self.evaluation, share)


def evaluation_batches(records: PretrainingInput, share: InputShare) -> tf.data.Dataset:
    """One pass over held-out records, as `Evaluation` takes them; all rows are real."""
    real = tf.ones([records.config.batch_size // share.num_hosts], tf.int32)
    return records.evaluation(
        host=share.host, num_hosts=share.num_hosts, num_replicas=share.parts
    ).map(lambda features: {**features, "is_real_example": real})


def pretrain(
    config: PretrainingConfig, *, records_dir: str, model_dir: str, state_root: str | None = None
) -> TrainingResult:
    """Checks the records against the configuration, trains, and writes the weights by name.

    Args:
        config: of the run.
        records_dir: where the records' manifest lies, with the splits "train" and "eval".
        model_dir: gets the weights under `xlnet/` and the curves.
        state_root: see `training_run.train_and_write`.

    Raises:
        ManifestError: if records were made with other settings; every difference is listed.
        PretrainingInputError: if the batch size does not fit the records'.
        PermutationError: if `perm_size` does not fit.
        ValueError: if the vocabulary does not fit the model.
    """
    manifest = manifest_lib.read(records_dir)
    config = with_vocabulary(config, manifest)
    own = Corpus(records_dir, config.weight)
    train_records = _open(
        config,
        manifest,
        corpora=[own, *config.mix_with],
        split=TRAINING_SPLIT,
        batch_size=config.training.batch_size,
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
    )


def evaluate(config: PretrainingConfig, *, records_dir: str, weights: str) -> dict[str, float]:
    """Metrics of weights on the held-out records, on one device.

    Args:
        config: of the run that the weights are from.
        records_dir: where the records' manifest lies.
        weights: folder in the published layout.

    Raises:
        ManifestError, PretrainingInputError: as `pretrain`.
        WeightsError: if the weights are not those of such a model.
    """
    manifest = manifest_lib.read(records_dir)
    config = with_vocabulary(config, manifest)
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
    """The held-out split of a run's own records, in batches that its files can feed."""
    batch_size = config.training.eval_batch_size
    # A file feeds a stretch of rows of each batch.
    rows = manifest.parameters["batch_size"]
    most = rows * max(len(manifest.shards.get(EVALUATION_SPLIT, [])), 1)
    if most < batch_size:
        _logger.warning(
            "training.eval_batch_size is %d, but the held-out split has files for %d rows a "
            "batch: evaluating in batches of %d",
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
    )


def _open(
    config: PretrainingConfig,
    manifest: manifest_lib.Manifest,
    *,
    corpora: Sequence[Corpus],
    split: str,
    batch_size: int,
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
