"""Reads and writes the `tokenizer_config.json` of Hugging Face folders: case and accents.

Without it, `transformers` keeps the case of texts and strips their accents.
"""

from __future__ import annotations

import json

from components import files
from components.checkpoint_conversion import hugging_face_json
from components.checkpoint_conversion.weights import Weights

CONFIG_NAME = "tokenizer_config.json"
# The other files from which `transformers` makes a tokenizer, in place of `spiece.model`.
OTHER_NAMES = ("tokenizer.json", "added_tokens.json", "special_tokens_map.json")
# Their names in `transformers`, by ours.
_NAMES = {"uncased": "do_lower_case", "keep_accents": "keep_accents"}

_MAX_BYTES = 16 << 20  # it may describe many added tokens


def read(folder: str) -> dict[str, bool]:
    """Returns what a folder says of `uncased` and `keep_accents`; what it does not say is left out.

    Raises:
        WeightsError: if the file is damaged.
    """
    path = files.join(folder, CONFIG_NAME)
    if not files.exists(path):
        return {}
    fields = hugging_face_json.read(path, what="configuration", max_bytes=_MAX_BYTES)
    values = {
        ours: fields.get(theirs) if isinstance(fields, dict) else None
        for ours, theirs in _NAMES.items()
    }
    return {name: value for name, value in values.items() if isinstance(value, bool)}


def write(folder: str, weights: Weights) -> None:
    """Writes the file, if it is known how texts are normalised for these weights."""
    values = {
        theirs: value
        for ours, theirs in _NAMES.items()
        if (value := getattr(weights, ours)) is not None
    }
    if values:
        fields = {"tokenizer_class": "XLNetTokenizer", "remove_space": True, **values}
        content = json.dumps(fields, indent=2, sort_keys=True) + "\n"
        files.write_bytes(files.join(folder, CONFIG_NAME), content.encode("utf-8"))


def notes(weights: Weights) -> list[str]:
    """Returns what users of the written folder should know of its tokenizer."""
    if not weights.keep_accents:
        return []
    return [
        "These weights were trained on texts that keep their accents (keep_accents). "
        f"{CONFIG_NAME} says so, but transformers strips accents all the same from version 5 on: "
        "remove NFKD and StripAccents from the normalizer of its tokenizer there."
    ]
