"""Pretraining records as batches in which every row continues the row of the batch before.

Step t of a run is a function of the records, the configuration and t: a resumed run goes on with
the batches that it would have seen, without reading the earlier ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from components.records import PRETRAINING
from components.trainer.pretraining import pretraining_schedule
from components.trainer.pretraining.permutation import PermutationConfig, permute_records
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
        corpora: directories with a manifest, mixed by weight.
        split: which split of them.
        batch_size: rows of the global batch: a multiple of the records' own `batch_size`.
        seq_len: tokens of a record.
        reuse_len: tokens of its reused part.
        bi_data: whether half of the rows run backwards.
        perm_size: longest permutation.
        num_predict: predicted tokens of a record, as preprocessed; None for a free number, then
            every record is padded to the most that any has.
        seed: of the order of the files and of the permutations.
        expected: further parameters that the manifests must have, such as `uncased` and
            `vocabulary_sha256`.
        leak_ratio: see `PermutationConfig`.
        with_target_mapping: likewise.
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
    with_target_mapping: bool = False


class PretrainingInput:
    """Batches of a run, for any of its hosts.

    Attributes:
        config: what they are made of.
        num_predict: size of the predicted part: the configured one, or the most in any record.
        num_lanes: groups of rows that read files of their own.
    """

    def __init__(self, config: PretrainingInputConfig) -> None:
        """Reads and checks the manifests.

        Raises:
            ManifestError: if one is missing or disagrees with the configuration.
            PretrainingInputError: if the batch size does not fit the records'.
            PermutationError: if `perm_size` does not fit.
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
                f"batch_size is {config.batch_size}, and the records were made for batches of "
                f"{self._rows} rows that continue each other: it must be a multiple of that."
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
            with_target_mapping=config.with_target_mapping,
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
        """Batches of the steps from `first_step` up to `num_steps`.

        Args:
            num_steps: steps of the whole run.
            first_step: steps already taken; nothing of them is decoded.
            host: of this machine.
            num_hosts: machines that feed the run. Together their batches are the global one: the
                hosts' rows in turn.
            num_replicas: of each host, which share its batch, a stretch of rows each.

        Returns:
            Dataset of the features of `permute_records`, and `continues` bool [rows]: False where
            a row begins a file, so that the memory of the step before is of another text. With
            `bi_data` the first half of each replica's rows runs forward and the second half
            backward. A row keeps its place, and so its replica, throughout a run.

        Raises:
            PretrainingInputError: if rows, hosts and replicas do not divide.
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
        """Batches of one pass over all files, in the same order every time; see `training`.

        Rows that do not fill a global batch at the end are left out.
        """
        rows = self._rows_of_host(host, num_hosts, num_replicas)
        lanes = pretraining_schedule.one_epoch(self._corpora, num_lanes=self.num_lanes)
        return self._dataset({lane: lanes[lane] for lane in self._lanes_of(rows)}, rows, 0)

    def check_evaluation(self, num_replicas: int) -> None:
        """Raises the errors of `evaluation`, on one host, before there is need of it."""
        self._rows_of_host(0, 1, num_replicas)
        pretraining_schedule.one_epoch(self._corpora, num_lanes=self.num_lanes)

    @property
    def num_records(self) -> int:
        """Records of all corpora together."""
        return sum(
            file.num_batches * corpus.rows for corpus in self._corpora for file in corpus.files
        )

    def _rows_of_host(self, host: int, num_hosts: int, num_replicas: int) -> list[int]:
        """Numbers of the global batch's rows that a host feeds, replica by replica.

        The records have a forward and a backward half for each of the cores that they were laid
        out for, which need not be those that train. Which rows stand together is of no matter, as
        long as it stays so: each row has a memory of its own.
        """
        if not 0 <= host < num_hosts:
            raise PretrainingInputError(f"host is {host}; legal is 0 to {num_hosts - 1}.")
        everywhere = num_hosts * num_replicas
        numbers = range(self.config.batch_size)
        directions: list[list[int]] = [list(numbers)]
        if self.config.bi_data:
            half = self._rows // self._num_cores // 2
            directions = [[n for n in numbers if n // half % 2 == way] for way in (0, 1)]
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
        """Lanes that some of these rows are read from."""
        return sorted({number // self._rows for number in rows})

    def _dataset(
        self, lanes: Mapping[int, Sequence[Visit]], row_numbers: Sequence[int], first_step: int
    ) -> tf.data.Dataset:
        serialized = tf.data.Dataset.zip(
            tuple(self._lane(visits) for visits in lanes.values())
        ).enumerate(first_step)
        description = PRETRAINING.feature_description(self.config.seq_len, use="training")
        first_rows = {lane: place * self._rows for place, lane in enumerate(lanes)}
        # Where the rows stand among all that the lanes give.
        places = [first_rows[n // self._rows] + n % self._rows for n in row_numbers]

        def parse(step: tf.Tensor, parts: tuple[Any, ...]) -> dict[str, tf.Tensor]:
            records = tf.concat([records for records, _ in parts], axis=0)
            continues = tf.concat([continues for _, continues in parts], axis=0)
            features = permute_records(
                tf.io.parse_example(tf.gather(records, places), description),
                step * self.config.batch_size + tf.constant(row_numbers, tf.int64),
                self._permutation,
                # The largest feature by far; the model only asks whether it is above 0.
                perm_mask_dtype=tf.uint8,
            )
            features["continues"] = tf.gather(continues, places)
            return features

        return serialized.map(parse, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _lane(self, visits: Sequence[Visit]) -> tf.data.Dataset:
        """Serialized records string [rows], and `continues` bool [rows], by step."""
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
    """Features of pretraining records as a replica gets them."""
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
