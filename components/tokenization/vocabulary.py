"""Reads and checks a SentencePiece model; both tokenizers are made from the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from components import files, git_lfs
from components.tokenization import byte_pieces, comma_rule, model_check
from components.tokenization.byte_pieces import BytePiece
from components.tokenization.special_ids import CONTROL_SYMBOLS, SPECIAL_PIECES, UNK_ID

# The published model has 0.8 MB, and 250,000 pieces take about 5 MB. A file larger than this is the
# wrong file and should not be read to its end.
_MAX_MODEL_BYTES = 256 << 20
_FIRST_BYTES = 16


class VocabularyError(ValueError):
    """A file that is not a SentencePiece model, or a model that XLNet cannot use."""


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A checked SentencePiece model with properties derived from it.

    Create it with `load` or `from_bytes`.

    Attributes:
        model: the serialized model.
        source: where the model came from, for error messages.
        size: number of pieces.
        sha256: hexadecimal SHA-256 digest of the serialized model.
        replacements: for the id of each piece that ends in a digit and a comma, the ids that
            replace it (see `comma_rule`). All other ids remain unchanged.
        byte_pieces: the pieces that stand for bytes of unknown characters, by id; most vocabularies
            have none.
    """

    model: bytes = dataclasses.field(repr=False)
    source: str
    size: int
    sha256: str
    replacements: Mapping[int, tuple[int, ...]] = dataclasses.field(repr=False)
    byte_pieces: Mapping[int, BytePiece] = dataclasses.field(repr=False)

    def make_processor(self) -> sentencepiece.SentencePieceProcessor:
        """Creates a SentencePiece processor.

        A processor cannot be pickled, so each process creates its own.
        """
        return _make_processor(self.model, self.source)


def load(path: str) -> Vocabulary:
    """Reads and checks a SentencePiece model; the path may be any that Beam's filesystems support.

    Raises:
        NoSuchFilesError: if there is no such file.
        VocabularyError: if it is not a SentencePiece model, or lacks XLNet's special pieces.
    """
    return from_bytes(files.read_bytes(path, max_bytes=_MAX_MODEL_BYTES), source=path)


def from_bytes(model: bytes, *, source: str = "(bytes)") -> Vocabulary:
    """Checks a serialized SentencePiece model.

    Args:
        model: content of a `.model` file.
        source: path of the file, for error messages.

    Raises:
        VocabularyError: if it is not a SentencePiece model, or lacks XLNet's special pieces.
    """
    try:
        content = model_check.check(model)
    except model_check.ModelError as error:
        raise _refusal(model, source, str(error)) from error
    processor = _make_processor(model, source)
    _check_fits_xlnet(processor, content.trainer_spec, source)
    return Vocabulary(
        model=model,
        source=source,
        size=processor.GetPieceSize(),
        sha256=files.sha256(model),
        replacements=_make_replacements(processor),
        byte_pieces=byte_pieces.of_vocabulary(processor),
    )


def _make_processor(model: bytes, source: str) -> sentencepiece.SentencePieceProcessor:
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise _refusal(model, source, f"is refused by SentencePiece: {error}") from error
    return processor


def _refusal(model: bytes, source: str, reason: str) -> VocabularyError:
    hint = "Give the .model file that SentencePiece wrote (XLNet publishes spiece.model)."
    if git_lfs.is_pointer(model):
        hint = git_lfs.HINT
    elif not model:
        hint = "The file is empty."
    return VocabularyError(
        f"{source} is not a SentencePiece model ({len(model):,} bytes, the first are "
        f"{model[:_FIRST_BYTES]!r}), or a damaged one: it {reason}. {hint}"
    )


def _check_fits_xlnet(
    processor: sentencepiece.SentencePieceProcessor,
    settings: sentencepiece_model_pb2.TrainerSpec,
    source: str,
) -> None:
    size = processor.GetPieceSize()
    differences = []
    if settings.treat_whitespace_as_suffix:
        # Alignments and masks find the beginning of a word by the mark.
        differences.append("spaces are marked at the end of words (treat_whitespace_as_suffix)")
    for expected_id, piece in enumerate(SPECIAL_PIECES):
        actual_id = processor.PieceToId(piece)
        # SentencePiece returns the id of `<unk>` for pieces that it does not have.
        if actual_id == UNK_ID and expected_id != UNK_ID:
            differences.append(f"{piece} should be {expected_id} and is missing")
        elif actual_id != expected_id:
            differences.append(f"{piece} should be {expected_id} and is {actual_id}")
        elif piece in CONTROL_SYMBOLS and not processor.IsControl(actual_id):
            # Otherwise a text that contains this piece could end a segment.
            differences.append(f"{piece} should be a control symbol, which no text can produce")
    if differences:
        raise VocabularyError(
            f"{source} is a SentencePiece model ({size:,} pieces) but not one for XLNet: "
            + "; ".join(differences)
            + ". Use XLNet's spiece.model, or train a vocabulary with this project's recipe "
            "(components/tokenization/train_sentencepiece.py)."
        )


def _make_replacements(
    processor: sentencepiece.SentencePieceProcessor,
) -> dict[int, tuple[int, ...]]:
    replacements = {}
    for piece_id in range(processor.GetPieceSize()):
        piece = processor.IdToPiece(piece_id)
        if comma_rule.applies_to(piece):
            pieces = comma_rule.split(piece, processor.EncodeAsPieces)
            replacements[piece_id] = tuple(processor.PieceToId(part) for part in pieces)
    return replacements
