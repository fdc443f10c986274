"""Checks that it is safe to load a serialized SentencePiece model with the SentencePiece library.

The library trusts its input: a damaged model kills the process with a signal, in Python as well as
inside a TensorFlow graph, and no exception can be caught. So everything that the library relies on
is checked here first. The formats are those of `sentencepiece_model.proto`, `normalizer.cc` and
`Darts` (darts-clone) in SentencePiece.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2

# Real scores are much smaller: log probabilities are above -100, and the ranks of a BPE model are
# above minus its size. With this limit, the sum over a text of any length remains finite.
_MAX_SCORE = 1e9
# The library stores the matches at one position of a text in arrays of these sizes, without
# checking whether there are more (`Normalizer::kMaxTrieResultsSize`, `PrefixMatcher`).
_MAX_RULES_AT_A_PLACE = 32
_MAX_SYMBOLS_AT_A_PLACE = 64
# The longest left side of a rule, in bytes. The published rules have at most 36.
_MAX_RULE_BYTES = 256
# The published rules have 44,288 units, and walking through them visits about as many nodes.
_MAX_UNITS = 1 << 20
_MAX_VISITS_OF_A_UNIT = 8
_BYTES_OF_A_UNIT = 4
_NUM_LABELS = 256
# The nodes of one depth are processed in parts, so that a step takes a few MB for a trie of any
# size.
_NODES_AT_A_TIME = 4096


class ModelError(ValueError):
    """Something is wrong with a model; the message is a predicate, such as "has no pieces"."""


def check(model: bytes) -> sentencepiece_model_pb2.ModelProto:
    """Parses a model and checks everything that the library itself does not check.

    Args:
        model: content of a `.model` file.

    Raises:
        ModelError: if the model must not be given to the library.
    """
    content = sentencepiece_model_pb2.ModelProto()
    try:
        with warnings.catch_warnings():
            # If protobuf 3 stops at the end of a group it only warns; SentencePiece then refuses
            # the model.
            warnings.simplefilter("ignore", RuntimeWarning)
            content.ParseFromString(model)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelError("is not the protobuf that SentencePiece writes") from error
    if not content.pieces:
        raise ModelError("has no pieces")
    _check_pieces(content)
    trainer = content.trainer_spec
    for name in ("unk_surface", "unk_piece", "bos_piece", "eos_piece", "pad_piece"):
        _text(trainer, name, "its settings")
    for name in ("normalizer_spec", "denormalizer_spec"):
        rules = getattr(content, name).precompiled_charsmap
        if rules:
            try:
                _check_rules(rules)
            except ModelError as error:
                raise ModelError(f"has damaged normalisation rules ({name}): {error}") from error
    return content


def _text(message: object, name: str, where: str) -> str:
    """Returns a text field of a message.

    If the text is not valid UTF-8, protobuf 3 returns bytes and protobuf 6 raises an error; here,
    both become a ModelError.
    """
    try:
        text = getattr(message, name)
    except UnicodeDecodeError as error:
        raise ModelError(f"is not UTF-8 in {name} of {where}") from error
    if not isinstance(text, str):
        raise ModelError(f"is not UTF-8 in {name} of {where}")
    return text


def _check_pieces(content: sentencepiece_model_pb2.ModelProto) -> None:
    symbols = set()
    for number, piece in enumerate(content.pieces):
        text = _text(piece, "piece", f"piece {number}")
        if not text:
            raise ModelError(f"has an empty piece, number {number}")
        # The library's trie reads pieces as C strings, up to the first NUL, and aborts if the
        # pieces are then no longer in order.
        if "\0" in text:
            raise ModelError(f"has a NUL in piece {number}, {text!r}")
        if not math.isfinite(piece.score) or abs(piece.score) > _MAX_SCORE:
            raise ModelError(f"has the score {piece.score} for piece {number}, {text!r}")
        if piece.type == piece.USER_DEFINED:
            symbols.add(text)
    for text in symbols:
        if sum(text[:end] in symbols for end in range(1, len(text) + 1)) > _MAX_SYMBOLS_AT_A_PLACE:
            raise ModelError(
                f"has more than {_MAX_SYMBOLS_AT_A_PLACE} user-defined pieces at the beginning of "
                f"each other, in {text!r}"
            )


def _check_rules(rules: bytes) -> None:
    """Checks every part of the normalisation rules' trie that any text can reach.

    Args:
        rules: the size of the trie in bytes (uint32, little-endian), the trie itself, and the texts
            that it points to, each terminated by NUL.
    """
    trie_bytes = int.from_bytes(rules[:_BYTES_OF_A_UNIT], "little")
    begin, end = _BYTES_OF_A_UNIT, _BYTES_OF_A_UNIT + trie_bytes
    if len(rules) < begin or end >= len(rules) or not trie_bytes or trie_bytes % _BYTES_OF_A_UNIT:
        raise ModelError(f"a trie of {trie_bytes:,} bytes in {len(rules):,}")
    if trie_bytes > _MAX_UNITS * _BYTES_OF_A_UNIT:
        raise ModelError(f"a trie of {trie_bytes:,} bytes, more than anything needs")
    units = np.frombuffer(rules[begin:end], "<u4")
    values = _walk(units)
    texts = rules[end:]
    if texts[-1] != 0:
        raise ModelError("the last text does not end")
    try:
        texts.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError("texts that are not UTF-8") from error
    if values.size:
        if values.max() >= len(texts):
            raise ModelError("a rule points outside of the texts")
        # A rule must not point into the middle of a character, whose bytes after the first begin
        # with the bits 10.
        if np.any(np.frombuffer(texts, np.uint8)[values] & 0xC0 == 0x80):
            raise ModelError("a rule points into a character")


def _walk(units: np.ndarray) -> np.ndarray:
    """Returns the values of all keys in a Darts-clone double array.

    Raises:
        ModelError: if a step leads outside of the array, keys do not end, or too many keys are
            prefixes of the same key.
    """
    offsets = (units >> 10) << ((units & (1 << 9)) >> 6)
    has_leaf = (units >> 8) & 1 == 1
    # The labels of the nodes. That of a value has the highest bit set, so it cannot be mistaken for
    # a byte.
    labels = units & 0x8000_00FF
    # For the nodes of the current depth: where their children begin, and how many keys end on the
    # path to them.
    bases, matches = offsets[:1], np.zeros(1, np.int32)
    found = [np.zeros(0, np.uint32)]
    visits = 0
    for _ in range(_MAX_RULE_BYTES):
        next_bases, next_matches = [], []
        visits += bases.size
        if visits > _MAX_VISITS_OF_A_UNIT * units.size:
            break
        for begin in range(0, bases.size, _NODES_AT_A_TIME):
            some = bases[begin : begin + _NODES_AT_A_TIME, np.newaxis]
            # A byte selects a child by exclusive or, so the array must contain the whole block.
            places = some ^ np.arange(_NUM_LABELS, dtype=np.uint32)
            if places.max() >= units.size:
                raise ModelError("the trie leads outside of itself")
            parents, bytes_ = np.nonzero(labels[places] == np.arange(_NUM_LABELS))
            children = places[parents, bytes_]
            child_bases = children ^ offsets[children]
            ends = has_leaf[children]
            if ends.any():
                if child_bases[ends].max() >= units.size:
                    raise ModelError("the trie leads outside of itself")
                found.append(units[child_bases[ends]] & 0x7FFF_FFFF)
            next_bases.append(child_bases)
            next_matches.append(matches[begin : begin + _NODES_AT_A_TIME][parents] + ends)
        reached = np.concatenate(next_bases)
        if not reached.size:
            return np.concatenate(found)
        # Keys with equal endings share nodes, so each node is only followed once.
        bases, groups = np.unique(reached, return_inverse=True)
        matches = np.zeros(bases.size, np.int32)
        np.maximum.at(matches, groups, np.concatenate(next_matches))
        if matches.max() > _MAX_RULES_AT_A_PLACE:
            raise ModelError(
                f"more than {_MAX_RULES_AT_A_PLACE} rules at the beginning of each other"
            )
    raise ModelError("the trie does not end")
