"""A pushed model, loaded, with what there is to know about its signatures."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Literal

import numpy as np
import tensorflow as tf

# Registers the custom ops of the graph; without it: "Op type not registered".
import tensorflow_text  # noqa: F401

from components import files
from components.export import warm_up
from components.export.signatures import SERVING_DEFAULT
from components.serving import saved_model_check

Kind = Literal["classification", "regression", "multiple_choice", "question_answering"]
# Inputs that must hold something; an empty `text_b` stands for a single text.
REQUIRED_TEXTS = ("text_a", "question", "context", "options")
# Inputs that hold text and not just bytes.
TEXTS = (*REQUIRED_TEXTS, "text_b")

_SAVED_MODEL = "saved_model.pb"


class NoModelError(FileNotFoundError):
    """A folder in which no model lies; the message says what was looked for."""


class ModelError(ValueError):
    """A model that cannot be loaded; the message names its folder."""


class PredictionError(ValueError):
    """Inputs that the model refuses."""


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a signature takes and gives.

    Attributes:
        inputs: specification by name.
        outputs: specification by name.
    """

    inputs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, tf.TensorSpec]

    @property
    def takes_text(self) -> bool:
        """Whether all inputs are strings, one per row or a list of them."""
        return all(
            spec.dtype == tf.string and spec.shape.rank in (1, 2) for spec in self.inputs.values()
        )

    def list_length(self, name: str) -> int | None:
        """How many texts a row of an input has; None if it is one text and no list."""
        spec = self.inputs[name]
        return spec.shape[1] if spec.dtype == tf.string and spec.shape.rank == 2 else None


def versions(directory: str) -> dict[int, str]:
    """Complete models in numbered folders, as the Pusher and TF Serving have them.

    Returns:
        path by version, ascending; empty if there is none.
    """
    numbers = sorted(int(name) for name in files.names(directory) if name.isdecimal())
    paths = {number: os.path.join(directory, str(number)) for number in numbers}
    # The graph is copied last, so that a folder with one is complete, or damaged.
    return {number: path for number, path in paths.items() if _SAVED_MODEL in files.names(path)}


def all_versions(directory: str) -> dict[int, str]:
    """Like `versions`; a folder that is itself a model is its only version."""
    if files.exists(os.path.join(directory, _SAVED_MODEL)):
        name = os.path.basename(os.path.normpath(directory))
        return {int(name) if name.isdecimal() else 1: directory}
    return versions(directory)


def find(directory: str) -> tuple[int, str]:
    """The model to load: the folder itself, or its latest version.

    Returns:
        version (1 for a folder that is itself a model) and path.

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
    """A SavedModel with signatures.

    Attributes:
        path: of the SavedModel.
        version: its number.
        signatures: by name.

    Raises:
        ModelError: if it cannot be loaded.
    """

    def __init__(self, path: str, version: int) -> None:
        self.path = path
        self.version = version
        try:
            saved_model_check.check(path)
            self._loaded = tf.saved_model.load(path)
        except Exception as error:
            # What TensorFlow raises for a damaged model are a dozen types with no common one.
            reason = str(error).partition("\n")[0]
            raise ModelError(
                f"{path} cannot be loaded: {reason or type(error).__name__}. It is damaged, or was "
                "not copied whole; push or copy it again."
            ) from error
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
        """Loads what `find` finds."""
        version, path = find(directory)
        return cls(path, version)

    @property
    def kind(self) -> Kind | None:
        """What the default signature does; None if it takes no text of a kind known here."""
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

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            signature: its name.
            inputs: by name; text as an array of bytes objects.

        Raises:
            PredictionError: if the model refuses the inputs.
        """
        tensors = {
            name: tf.constant(inputs[name], spec.dtype)
            for name, spec in self.signatures[signature].inputs.items()
        }
        try:
            outputs = self._functions[signature](**tensors)
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError) as error:
            # In front of it and behind it stands the way through the graph.
            reason = error.message.partition("\n\t [[")[0].rpartition("\n\n")[-1]
            raise PredictionError(reason) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def warm_up(self) -> int:
        """Answers the requests that were exported with the model; returns their number.

        TF Serving does the same: first calls take seconds, later ones milliseconds.
        """
        requests = warm_up.read(self.path)
        for signature, inputs in requests:
            self.run(signature, inputs)
        return len(requests)

    def predict(self, **texts: list[str] | list[list[str]]) -> dict[str, np.ndarray]:
        """Calls the default signature with texts, a list per input."""
        encoded = {name: np.array(_encode(values), object) for name, values in texts.items()}
        return self.run(SERVING_DEFAULT, encoded)


def _encode(values: list[str] | list[list[str]]) -> list:
    return [
        value.encode("utf-8", "replace") if isinstance(value, str) else _encode(value)
        for value in values
    ]
