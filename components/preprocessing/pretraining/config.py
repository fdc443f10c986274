"""The settings that shape pretraining records, which are checked before anything runs."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le

from components.configuration import PositiveInt, Share

MaskStrategy = Literal["single_token", "whole_word", "token_span", "word_span"]

# `<sep>` after A, `<sep>` after B, and `<cls>`.
NUM_FUNCTIONAL_TOKENS = 3
# While masks are sampled, positions in a record are stored as int16.
_MAX_SEQ_LEN = (1 << 15) - 2
# The default number of tokens in a shard: about 9 MB of English text, which takes 60 MB in a
# worker.
DEFAULT_SHARD_TOKENS = 1 << 21


class PretrainingDataConfigError(ValueError):
    """Settings that no pretraining record can satisfy; the message gives a legal value."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingDataConfig:
    """Parameters of pretraining records (XLNet paper, §2.2, §2.5, §3.1, appendix A.3).

    Attributes:
        seed: seed of all random draws; the same seed and input give the same bytes.
        batch_size: number of rows in a batch. Row `r` of a file consists of the records
            `n * batch_size + r`, each of which continues the one before it.
        seq_len: number of tokens in a record.
        reuse_len: number of tokens at the beginning of a record that are covered by the memory of
            the next batch.
        bi_data: whether half of the rows of each core run backwards.
        uncased: whether text is converted to lower case.
        keep_accents: whether text keeps its accents.
        num_predict: number of masked tokens in each record, divided between the reused part and the
            rest in proportion to their lengths; None leaves the number to the span sampling.
        mask_alpha: number of tokens of context for every `mask_beta` masked tokens.
        mask_beta: number of masked tokens for every `mask_alpha` tokens of context.
        max_gram: length of the longest span, in pieces or words. Spans of length n are drawn with
            probability proportional to 1/n.
        mask_strategy: `token_span` (spans of pieces that begin at the start of a word, as
            published), `word_span` (spans of whole words), `whole_word` (single words) or
            `single_token`.
        num_cores: number of cores among which the rows of a batch are divided; with `bi_data`, half
            of the rows of each core run forward and half backward.
        use_eod: whether each document ends with `<eod>`.
        num_passes: number of passes over the corpus, each with a different order of documents,
            different random continuations and different masks.
        num_shards: number of files per pass and split; None derives it from the size of the corpus.
        shard_tokens: target number of tokens per shard if `num_shards` is None. A worker holds one
            shard in memory.
        max_dead_letter_share: largest share of the text, in bytes, that may be unusable.
    """

    seed: int
    batch_size: PositiveInt
    seq_len: Annotated[int, Gt(0), Le(_MAX_SEQ_LEN)]
    reuse_len: PositiveInt
    bi_data: bool
    uncased: bool
    num_predict: PositiveInt | None
    mask_alpha: PositiveInt
    mask_beta: PositiveInt
    keep_accents: bool = False
    max_gram: PositiveInt = 5
    mask_strategy: MaskStrategy = "token_span"
    num_cores: PositiveInt = 1
    use_eod: bool = True
    num_passes: PositiveInt = 1
    num_shards: PositiveInt | None = None
    shard_tokens: PositiveInt = DEFAULT_SHARD_TOKENS
    max_dead_letter_share: Share = 0.001

    def __post_init__(self) -> None:
        """Checks the settings against each other, as far as possible without the corpus.

        Raises:
            PretrainingDataConfigError: if a setting is not legal; the message names the field, its
                value and what is legal.
        """
        # A and B have at least one token each.
        longest_reuse = self.seq_len - NUM_FUNCTIONAL_TOKENS - 2
        _require(
            self.reuse_len <= longest_reuse,
            f"reuse_len is {self.reuse_len} with seq_len {self.seq_len}; at most {longest_reuse}, "
            "because A, B, two <sep> and one <cls> need 5 tokens.",
        )
        rows_per_unit = self.num_cores * (2 if self.bi_data else 1)
        _require(
            self.batch_size % rows_per_unit == 0,
            f"batch_size is {self.batch_size}; with num_cores {self.num_cores} and bi_data "
            f"{self.bi_data} it must be a multiple of {rows_per_unit}, such as "
            f"{-(-self.batch_size // rows_per_unit) * rows_per_unit}.",
        )
        _require(
            self.mask_alpha >= self.mask_beta,
            f"mask_alpha is {self.mask_alpha} and mask_beta {self.mask_beta}: mask_beta tokens are "
            "masked per mask_alpha tokens, so mask_beta is at most mask_alpha.",
        )
        longest_gram = min(self.reuse_len, self.new_len) - 1
        _require(
            self.max_gram <= max(longest_gram, 1),
            f"max_gram is {self.max_gram}; at most {longest_gram} with segments of "
            f"{self.reuse_len} and {self.new_len} tokens.",
        )
        if self.num_predict is not None:
            self._check_num_predict(self.num_predict)

    def _check_num_predict(self, num_predict: int) -> None:
        legal = self.max_num_predict
        usual = max(1, self.seq_len * self.mask_beta // self.mask_alpha)
        _require(
            num_predict <= legal,
            f"num_predict is {num_predict}, but records of seq_len {self.seq_len} with reuse_len "
            f"{self.reuse_len} have no room to mask as many: at most {legal}, and "
            f"seq_len * mask_beta / mask_alpha = {min(usual, legal)} is usual.",
        )

    @property
    def new_len(self) -> int:
        """The number of tokens of `A SEP B SEP CLS`."""
        return self.seq_len - self.reuse_len

    @property
    def ab_len(self) -> int:
        """The number of tokens of A and B together."""
        return self.new_len - NUM_FUNCTIONAL_TOKENS

    @property
    def num_streams(self) -> int:
        """The number of streams into which the text of a shard is divided.

        Each row has a stream of its own, but a backward row shares that of its forward row.
        """
        return self.batch_size // 2 if self.bi_data else self.batch_size

    @property
    def min_shard_tokens(self) -> int:
        """The number of tokens that a shard needs for one batch."""
        return self.num_streams * self.seq_len

    @property
    def max_num_predict(self) -> int:
        """The largest number of predictions for which both parts of a record have room."""
        return max(
            number
            for number in range(self.seq_len + 1)
            if _fits(*_divide(number, self.reuse_len, self.seq_len), self.reuse_len, self.ab_len)
        )

    @property
    def goals(self) -> tuple[int | None, int | None]:
        """The numbers of masked tokens in the reused part and in the rest; None if not prescribed.

        If `reuse_len` is half of `seq_len` and the total is odd, the reused part has one more, as
        published.
        """
        if self.num_predict is None:
            return None, None
        return _divide(self.num_predict, self.reuse_len, self.seq_len)

    def parameters(self) -> dict[str, Any]:
        """The parameters for the manifest: all settings that shape the records.

        The other ones only concern how the work is divided and how many dead letters are allowed.
        """
        values = dataclasses.asdict(self)
        del values["shard_tokens"], values["max_dead_letter_share"]
        return values


def _divide(num_predict: int, reuse_len: int, seq_len: int) -> tuple[int, int]:
    new = num_predict * (seq_len - reuse_len) // seq_len
    return num_predict - new, new


def _fits(reuse_goal: int, new_goal: int, reuse_len: int, ab_len: int) -> bool:
    return reuse_goal <= reuse_len and new_goal <= ab_len


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise PretrainingDataConfigError(message)
