"""Finds the versions of a pushed model, loads one, and calls its signatures."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

# Registers the custom ops of the graph, which would otherwise fail with "Op type not registered".
import tensorflow_text  # noqa: F401

from components import files, plain_json
from components.export import input_columns, warm_up
from components.export.signatures import EXAMPLES_PATH, SERVING_DEFAULT
from components.serving import saved_model_check
from components.serving.reach import Reach
from components.tokenization import normalization

_logger = logging.getLogger(__name__)

Kind = Literal["classification", "regression", "multiple_choice", "question_answering"]
# Inputs that must not be empty; an empty `text_b`, in contrast, stands for a single text.
REQUIRED_TEXTS = ("text_a", "question", "context", "options")
# Inputs that are text, rather than arbitrary bytes.
TEXTS = (*REQUIRED_TEXTS, "text_b")

_SAVED_MODEL = "saved_model.pb"
_MAX_EXAMPLES_BYTES = 1 << 20


class NoModelError(FileNotFoundError):
    """A folder that contains no model; the message says what was looked for."""


class ModelError(ValueError):
    """A model that cannot be loaded; the message names its folder."""


class PredictionError(ValueError):
    """The model refused its inputs."""


class OutputError(ValueError):
    """The model computed numbers that are none; the message names it and the output."""


@dataclasses.dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a signature.

    Attributes:
        inputs: shape and dtype of each input, by name.
        outputs: shape and dtype of each output, by name.
    """

    inputs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, tf.TensorSpec]

    @property
    def takes_text(self) -> bool:
        """Whether each input has a string, or a list of strings, per row."""
        return all(
            spec.dtype == tf.string and spec.shape.rank in (1, 2) for spec in self.inputs.values()
        )

    def list_length(self, name: str) -> int | None:
        """Returns how many texts a row of an input has; None if it is one text and not a list."""
        spec = self.inputs[name]
        return spec.shape[1] if spec.dtype == tf.string and spec.shape.rank == 2 else None


def versions(directory: str) -> dict[int, str]:
    """Finds complete models in numbered folders, the layout of the Pusher and TF Serving.

    Returns:
        The path of each version, in ascending order; empty if there is none.
    """
    # TF Serving takes names with leading zeros, too; of 7 and 007, here the shorter one counts.
    names = {int(name): name for name in sorted(files.names(directory)) if name.isdecimal()}
    paths = {number: os.path.join(directory, names[number]) for number in sorted(names)}
    # The graph is copied last, so a folder that contains it is complete, unless it is damaged.
    return {number: path for number, path in paths.items() if _SAVED_MODEL in files.names(path)}


def all_versions(directory: str) -> dict[int, str]:
    """Does the same as `versions`, but a folder that is itself a model counts as its only version.

    The number of such a version is the name of the folder, or 1 if that is not a number.
    """
    if files.exists(os.path.join(directory, _SAVED_MODEL)):
        name = os.path.basename(os.path.normpath(directory))
        return {int(name) if name.isdecimal() else 1: directory}
    return versions(directory)


def find(directory: str) -> tuple[int, str]:
    """Finds the model to load: the folder itself, or its latest version.

    Returns:
        The version, as in `all_versions`, and the path.

    Raises:
        NoModelError: if there is none.
    """
    found = all_versions(directory)
    if not found:
        raise NoModelError(
            f"{directory} holds no model: neither {_SAVED_MODEL} nor a numbered folder with one. "
            "Give the folder that a run pushed to, such as runs/sample/serving."
        )
    version = max(found)
    return version, found[version]


class PushedModel:
    """A loaded SavedModel.

    Attributes:
        path: path of the SavedModel.
        version: number of its version.
        signatures: inputs and outputs of its signatures, by name.
        columns: how its training files held the texts.
        examples: a few rows to try, with texts by name of the input; none if the model has none, or
            if their file is damaged.

    All that belongs to the model is read at once: while it is served, its folder may be deleted.

    Raises:
        ModelError: if the model cannot be loaded.
    """

    def __init__(self, path: str, version: int) -> None:
        self.path = path
        self.version = version
        try:
            saved_model_check.check(path)
            self._loaded = tf.saved_model.load(path)
            self.columns = input_columns.read(path)
        except Exception as error:
            # For damaged models, TensorFlow raises a dozen types without a common base class.
            reason = str(error).partition("\n")[0]
            raise ModelError(
                f"{path} cannot be loaded: {reason or type(error).__name__}. It is damaged, or was "
                "not copied whole; push or copy it again."
            ) from error
        self.examples = _read_examples(path)
        self._functions = dict(self._loaded.signatures)
        self.signatures = {
            name: Signature(
                inputs={
                    key: tf.TensorSpec(spec.shape, spec.dtype)
                    for key, spec in function.structured_input_signature[1].items()
                },
                outputs={
                    key: tf.TensorSpec(spec.shape, spec.dtype)
                    for key, spec in function.structured_outputs.items()
                },
            )
            for name, function in self._functions.items()
        }

    @classmethod
    def latest(cls, directory: str) -> PushedModel:
        """Loads the model that `find` returns."""
        version, path = find(directory)
        return cls(path, version)

    @property
    def kind(self) -> Kind | None:
        """Kind of the default signature; None if its inputs are not text of a known kind."""
        signature = self.signatures.get(SERVING_DEFAULT)
        if signature is None or not signature.takes_text:
            return None
        inputs = set(signature.inputs)
        if inputs == {"question", "context"}:
            return "question_answering"
        if inputs == {"text_a", "text_b"}:
            return "classification" if "label" in signature.outputs else "regression"
        if inputs == {"text_a", "text_b", "options"}:
            return "multiple_choice"
        return None

    @functools.cached_property
    def reach(self) -> Reach | None:
        """How much of its texts the model reads; None if that is not known, or always all."""
        if self.kind not in ("classification", "regression"):
            return None
        return Reach.of_model(self.path, self.columns)

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            signature: name of the signature.
            inputs: an array for each input; text is an object array of bytes.

        Raises:
            PredictionError: if the model refuses the inputs.
            OutputError: if an output is NaN or infinite.
        """
        tensors = {
            name: tf.constant(inputs[name], spec.dtype)
            for name, spec in self.signatures[signature].inputs.items()
        }
        try:
            outputs = self._functions[signature](**tensors)
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError) as error:
            # Before and after the reason, the message lists the nodes of the graph.
            reason = error.message.partition("\n\t [[")[0].rpartition("\n\n")[-1]
            raise PredictionError(reason) from error
        found = {name: value.numpy() for name, value in outputs.items()}
        for name, value in found.items():
            if outputs[name].dtype.is_floating and not np.isfinite(value).all():
                # The largest of such scores, and so the label, would be an accident.
                raise OutputError(
                    f"{self.path} computes NaN or infinity for the output {name!r}. Its training "
                    "diverged, or its weights are damaged; train, or copy it, again."
                )
        return found

    def warm_up(self) -> int:
        """Runs the requests that were exported with the model for this purpose; reads its reach.

        The first calls take seconds, later ones milliseconds. TF Serving does the same.

        Returns:
            The number of requests.
        """
        requests = warm_up.read(self.path)
        for signature, inputs in requests:
            self.run(signature, inputs)
        _ = self.reach
        return len(requests)

    def predict(self, **texts: list[str] | list[list[str]]) -> dict[str, np.ndarray]:
        """Calls the default signature with a list of texts for each input."""
        inputs = {name: encoded(values) for name, values in texts.items()}
        return self.run(SERVING_DEFAULT, inputs)


def _read_examples(path: str) -> list[dict[str, Any]]:
    where = files.join(path, *EXAMPLES_PATH)
    try:
        content = files.read_bytes(where, max_bytes=_MAX_EXAMPLES_BYTES)
        rows = plain_json.loads(content, where=where)
    except files.NoSuchFilesError:
        return []
    except (ValueError, OSError) as error:
        _logger.warning("there are no examples to try: %s", error)
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def encoded(texts: list[str] | list[list[str]]) -> np.ndarray:
    """Returns texts, or a list of texts per row, as an object array of UTF-8 bytes."""
    return np.array(_encode(texts), object)


def _encode(values: list[str] | list[list[str]]) -> list:
    return [
        # As offline: JSON can bring lone surrogates, which UTF-8 cannot express.
        normalization.to_unicode(value).encode() if isinstance(value, str) else _encode(value)
        for value in values
    ]
