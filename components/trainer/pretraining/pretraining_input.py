"""Pretraining records as batches in which every row continues the same row of the previous batch.

The batch of step t is a function of the records, the configuration and t. A resumed run therefore
continues with the batches that it would have seen, without decoding the earlier ones.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from components.records import PRETRAINING
from components.trainer.pretraining import pretraining_schedule
from components.trainer.pretraining.permutation import permute_records
from components.trainer.pretraining.permutation_config import PermutationConfig
from components.trainer.pretraining.pretraining_schedule import (
    Corpus,
    CorpusFiles,
    PretrainingInputError,
    Visit,
)


@dataclasses.dataclass(frozen=True)
class PretrainingInputConfig:
    """What the batches of a run are made of.

    Attributes:
        corpora: directories of records with their manifests, mixed by weight.
        split: name of the split to read from each corpus.
        batch_size: number of rows of the global batch; a multiple of the `batch_size` that the
            records were made for.
        seq_len: number of tokens of a record.
        reuse_len: number of tokens of its reused part.
        bi_data: whether half of the rows run backwards.
        perm_size: length of the permutation.
        num_predict: number of tokens to predict per record, as in preprocessing; None if it varies,
            in which case every record is padded to the largest number in any record.
        seed: seed of the file order and of the permutations.
        expected: further parameters that the manifests must agree with, such as `uncased` and
            `vocabulary_sha256`.
        leak_ratio: fraction of the masked tokens that every token may see; see
            `PermutationConfig`.
        size_setting: setting that `batch_size` comes from, for error messages.
    """

    corpora: tuple[Corpus, ...]
    split: str
    batch_size: int
    seq_len: int
    reuse_len: int
    bi_data: bool
    perm_size: int
    num_predict: int | None
    seed: int
    expected: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    leak_ratio: float = 0.0
    size_setting: str = "training.batch_size"


class PretrainingInput:
    """Makes the batches of a run, for any of its hosts.

    Attributes:
        config: what the batches are made of.
        num_predict: number of target positions per record: the configured number, or else the
            largest number of masked tokens in any record.
        num_lanes: number of lanes, that is, groups of rows that read files of their own.
    """

    def __init__(self, config: PretrainingInputConfig) -> None:
        """Reads and checks the manifests.

        Raises:
            ManifestError: if one is missing or disagrees with the configuration.
            PretrainingInputError: if the batch size does not fit that of the records.
            PermutationError: if `perm_size` does not fit the other sizes.
        """
        if not config.corpora:
            raise PretrainingInputError("corpora is empty; name a directory of records.")
        self.config = config
        expected = {
            "seq_len": config.seq_len,
            "reuse_len": config.reuse_len,
            "bi_data": config.bi_data,
            "num_predict": config.num_predict,
            **config.expected,
        }
        self._corpora: list[CorpusFiles] = [
            pretraining_schedule.open_corpus(corpus, split=config.split, expected=expected)
            for corpus in config.corpora
        ]
        rows = {corpus.rows for corpus in self._corpora}
        if len(rows) > 1:
            raise PretrainingInputError(
                f"The corpora were made with different batch sizes: {sorted(rows)}. Rows of "
                "different length cannot follow each other; preprocess them alike."
            )
        (self._rows,) = rows
        cores = {corpus.parameters["num_cores"] for corpus in self._corpora}
        if len(cores) > 1:
            raise PretrainingInputError(
                f"The corpora were laid out for different numbers of cores: {sorted(cores)}. Their "
                "rows run in different directions; preprocess them alike."
            )
        (self._num_cores,) = cores
        if config.batch_size % self._rows:
            raise PretrainingInputError(
                f"{config.size_setting} is {config.batch_size}, and the records were made for "
                f"batches of {self._rows} rows that continue each other: it must be a multiple of "
                "that."
            )
        self.num_lanes = config.batch_size // self._rows
        self.num_predict = config.num_predict or max(corpus.max_masked for corpus in self._corpora)
        self._permutation = PermutationConfig(
            seq_len=config.seq_len,
            reuse_len=config.reuse_len,
            perm_size=config.perm_size,
            num_predict=self.num_predict,
            seed=config.seed,
            leak_ratio=config.leak_ratio,
        )

    def training(
        self,
        *,
        num_steps: int,
        first_step: int = 0,
        host: int = 0,
        num_hosts: int = 1,
        num_replicas: int = 1,
    ) -> tf.data.Dataset:
        """Returns this host's batches for the steps from `first_step` up to `num_steps`.

        Args:
            num_steps: number of steps of the whole run.
            first_step: number of steps already taken; their records are not decoded.
            host: index of this host.
            num_hosts: number of hosts that feed the run. The global batch consists of their batches
                one after the other.
            num_replicas: number of replicas per host. Each gets an equal stretch of the host's
                rows.

        Returns:
            Dataset of the features of `permute_records`, and `continues` bool [rows], which is
            False where a row begins a file, so that the memory from the previous step belongs to
            another text. With `bi_data`, the first half of each replica's rows runs forward and the
            second half backward. A row keeps its place, and thus its replica, throughout a run.

        Raises:
            PretrainingInputError: if the rows do not divide evenly among hosts and replicas.
        """
        rows = self._rows_of_host(host, num_hosts, num_replicas)
        lanes = {
            lane: pretraining_schedule.steps(
                self._corpora,
                num_lanes=self.num_lanes,
                lane=lane,
                seed=self.config.seed,
                first_step=first_step,
                last_step=num_steps,
            )
            for lane in self._lanes_of(rows)
        }
        return self._dataset(lanes, rows, first_step)

    def evaluation(
        self, *, host: int = 0, num_hosts: int = 1, num_replicas: int = 1
    ) -> tf.data.Dataset:
        """Returns the batches of one pass over all files, always in the same order.

        Records at the end that do not fill a global batch are left out. See `training` for the
        arguments, the features and the errors.
        """
        rows = self._rows_of_host(host, num_hosts, num_replicas)
        lanes = pretraining_schedule.one_epoch(self._corpora, num_lanes=self.num_lanes)
        return self._dataset({lane: lanes[lane] for lane in self._lanes_of(rows)}, rows, 0)

    def check_evaluation(self, num_replicas: int) -> None:
        """Checks that the replicas can share the rows of the held-out split.

        Raises:
            PretrainingInputError: if they cannot, or the records do not fill a batch.
        """
        if len(self._directions()[0]) % num_replicas:
            raise PretrainingInputError(
                f"{num_replicas} replicas cannot share the evaluation's batches of "
                f"{self.config.batch_size} rows evenly. Each file of the held-out split supplies "
                f"{self._rows} rows: preprocess it into more shards, choose another "
                "training.eval_batch_size, train on fewer replicas, or leave the split out."
            )
        pretraining_schedule.one_epoch(self._corpora, num_lanes=self.num_lanes)

    def shared_by(self, num_replicas: int) -> PretrainingInput:
        """Returns this input in the largest batches that the replicas can share evenly.

        They are not larger than its own batches. If there are none, it returns the input as it is.
        """
        each = math.lcm(self._rows, num_replicas * len(self._directions()))
        size = self.config.batch_size // each * each
        if not size:
            return self
        smaller = copy.copy(self)
        smaller.config = dataclasses.replace(self.config, batch_size=size)
        smaller.num_lanes = size // self._rows
        return smaller

    @property
    def num_records(self) -> int:
        """Number of records of all corpora together."""
        return sum(
            file.num_batches * corpus.rows for corpus in self._corpora for file in corpus.files
        )

    def _directions(self) -> list[list[int]]:
        """Returns the indices of the global batch's rows, with `bi_data` by their direction."""
        numbers = range(self.config.batch_size)
        if not self.config.bi_data:
            return [list(numbers)]
        half = self._rows // self._num_cores // 2
        return [[n for n in numbers if n // half % 2 == way] for way in (0, 1)]

    def _rows_of_host(self, host: int, num_hosts: int, num_replicas: int) -> list[int]:
        """Returns the indices of the global batch's rows that a host feeds, replica by replica.

        The records have a forward and a backward half for each of the cores that they were laid
        out for. Training may use another number of replicas, because each row has its own memory:
        any grouping of the rows works as long as it does not change during a run.
        """
        if not 0 <= host < num_hosts:
            raise PretrainingInputError(f"host is {host}; legal is 0 to {num_hosts - 1}.")
        everywhere = num_hosts * num_replicas
        directions = self._directions()
        if len(directions[0]) % everywhere:
            ways = "forward and as many backward rows" if self.config.bi_data else "rows"
            raise PretrainingInputError(
                f"{len(directions[0])} {ways} of the global batch cannot be shared out among "
                f"{everywhere} replicas on {num_hosts} hosts evenly. Set training.batch_size to a "
                f"multiple of {everywhere * len(directions)} (and of the {self._rows} rows of the "
                "records), or train on fewer replicas."
            )
        each = len(directions[0]) // everywhere
        return [
            number
            for replica in range(host * num_replicas, (host + 1) * num_replicas)
            for direction in directions
            for number in direction[replica * each : (replica + 1) * each]
        ]

    def _lanes_of(self, rows: Sequence[int]) -> list[int]:
        """Returns the lanes that these rows are read from."""
        return sorted({number // self._rows for number in rows})

    def _dataset(
        self, lanes: Mapping[int, Sequence[Visit]], row_numbers: Sequence[int], first_step: int
    ) -> tf.data.Dataset:
        serialized = tf.data.Dataset.zip(
            tuple(self._lane(visits) for visits in lanes.values())
        ).enumerate(first_step)
        description = PRETRAINING.feature_description(self.config.seq_len, use="training")
        first_rows = {lane: place * self._rows for place, lane in enumerate(lanes)}
        # Places of the rows in the concatenated rows of all lanes.
        places = [first_rows[n // self._rows] + n % self._rows for n in row_numbers]

        def parse(step: tf.Tensor, parts: tuple[Any, ...]) -> dict[str, tf.Tensor]:
            records = tf.concat([records for records, _ in parts], axis=0)
            continues = tf.concat([continues for _, continues in parts], axis=0)
            features = permute_records(
                tf.io.parse_example(tf.gather(records, places), description),
                step * self.config.batch_size + tf.constant(row_numbers, tf.int64),
                self._permutation,
                # The largest feature by far, of which the model only tests whether it is above 0.
                perm_mask_dtype=tf.uint8,
            )
            features["continues"] = tf.gather(continues, places)
            return features

        return serialized.map(parse, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _lane(self, visits: Sequence[Visit]) -> tf.data.Dataset:
        """Returns serialized records, string [rows], and `continues`, bool [rows], step by step."""
        rows = self._rows
        dataset = tf.data.Dataset.from_tensor_slices(
            (
                [visit.path for visit in visits],
                tf.constant([visit.first_batch for visit in visits], tf.int64),
                tf.constant([visit.num_batches for visit in visits], tf.int64),
            )
        )

        def read(path: tf.Tensor, first: tf.Tensor, number: tf.Tensor) -> tf.data.Dataset:
            batches = (
                tf.data.TFRecordDataset(path, buffer_size=4 << 20)
                .skip(first * rows)
                .take(number * rows)
                .batch(rows, drop_remainder=True)
            )
            return batches.enumerate(first).map(
                lambda index, records: (records, tf.fill([rows], index > 0))
            )

        return dataset.flat_map(read)


def replica_features(config: PermutationConfig, *, rows: int) -> dict[str, tf.TensorSpec]:
    """Returns the specifications of pretraining features as a replica gets them.

    Args:
        config: how permutations are drawn.
        rows: number of rows per replica.
    """
    description = PRETRAINING.feature_description(config.seq_len, use="training")
    records = {
        name: tf.TensorSpec([rows, *feature.shape], feature.dtype)
        for name, feature in description.items()
    }
    permute = tf.function(
        lambda records, index: permute_records(records, index, config, perm_mask_dtype=tf.uint8),
        autograph=False,
    )
    made = permute.get_concrete_function(records, tf.TensorSpec([rows], tf.int64))
    features = {
        name: tf.TensorSpec(value.shape, value.dtype)
        for name, value in made.structured_outputs.items()
    }
    return {**features, "continues": tf.TensorSpec([rows], tf.bool)}
