"""Finds out which heads a set of weights has, and which variables they consist of.

From the heads and the network's configuration follow the names and shapes of all variables, with
which a set of weights is compared before it is converted.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from components.checkpoint_conversion import names
from components.checkpoint_conversion.errors import WeightsError
from components.modeling.config import XLNetConfig

Shape = tuple[int, ...]

UNTIED_WEIGHT = "model/lm_loss/weight"
# The part after "classification_" or "regression_" is a task name that users choose, such as
# "mnli".
_SEQUENCE = re.compile(r"^model/(?:((?:classification|regression)_[^/]+)/logit|logits/dense)/")
# The name of a head for multiple choice; its published variables have no task in their names.
MULTIPLE_CHOICE = "multiple_choice"
_QUESTION_ANSWERING = ("model/start_logits/", "model/end_logits/", "model/answer_class/")


@dataclasses.dataclass(frozen=True)
class Heads:
    """The heads that a model has on top of the encoder.

    Attributes:
        language_model: whether there is a language model head, for pretraining.
        tie_weight: whether the language model head uses the word embeddings as its matrix.
        sequence: name of the head for whole sequences, such as `classification_mnli`,
            `regression_sts-b` or `multiple_choice`; None if there is none.
        num_outputs: number of outputs of the head for whole sequences; 0 if there is none. Multiple
            choice has a single output, which is computed for each option.
        question_answering: whether there is a head for answer spans.
    """

    language_model: bool = False
    tie_weight: bool = True
    sequence: str | None = None
    num_outputs: int = 0
    question_answering: bool = False

    @property
    def is_regression(self) -> bool:
        """Whether the head for whole sequences is for regression."""
        return self.sequence is not None and self.sequence.startswith("regression_")

    @property
    def task_name(self) -> str | None:
        """The task that the head for whole sequences is named after, such as `mnli`, or None."""
        if self.sequence in (None, MULTIPLE_CHOICE):
            return None
        return self.sequence.partition("_")[2]

    @property
    def sequence_output(self) -> str | None:
        """Published name, below `model/`, of the output layer of the head for whole sequences."""
        return _sequence_output(self.sequence) if self.sequence else None

    def describe(self) -> str:
        """Describes the heads in words, for the user."""
        parts = []
        if self.language_model:
            parts.append(f"language model ({'tied' if self.tie_weight else 'untied'} weights)")
        if self.sequence:
            parts.append(f"{self.sequence} ({self.num_outputs} outputs)")
        if self.question_answering:
            parts.append("question answering")
        return ", ".join(parts) or "none"


def find(shapes: Mapping[str, Shape]) -> Heads:
    """Finds the heads of a model from the published names of its variables.

    A head counts as present even if some of its variables are missing.

    Args:
        shapes: shapes of the variables by published name.

    Raises:
        WeightsError: if there are several heads for whole sequences.
    """
    matches = filter(None, map(_SEQUENCE.match, shapes))
    sequences = sorted({match[1] or MULTIPLE_CHOICE for match in matches})
    if len(sequences) > 1:
        raise WeightsError(
            f"There are several heads for whole sequences: {', '.join(sequences)}. A converted "
            "folder has one; leave out the others, as with --ignore "
            f"'^model/{re.escape(_sequence_output(sequences[1]))}/'."
        )
    sequence = sequences[0] if sequences else None
    outputs: Shape = ()
    for part in ("kernel", "bias") if sequence else ():
        outputs = shapes.get(f"model/{_sequence_output(sequence)}/{part}", outputs)
    return Heads(
        language_model=any(name.startswith("model/lm_loss/") for name in shapes),
        tie_weight=UNTIED_WEIGHT not in shapes,
        sequence=sequence,
        num_outputs=outputs[-1] if outputs else 0,
        question_answering=any(name.startswith(_QUESTION_ANSWERING) for name in shapes),
    )


def _sequence_output(sequence: str) -> str:
    return "logits/dense" if sequence == MULTIPLE_CHOICE else f"{sequence}/logit"


def entries(config: XLNetConfig, heads: Heads) -> list[names.Entry]:
    """Lists all variables of an encoder with these heads."""
    found = names.encoder_entries(config)
    if heads.language_model:
        found += names.language_model_entries(tie_weight=heads.tie_weight)
    if heads.sequence:
        found += names.sequence_entries(heads.sequence_output)
    if heads.question_answering:
        found += names.question_answering_entries()
    return found


def published_shapes(config: XLNetConfig, heads: Heads) -> dict[str, Shape]:
    """Returns the shapes of all variables of an encoder with these heads, by published name."""
    attention = (config.n_head, config.d_head)
    width, inner, tokens = config.d_model, config.d_inner, config.n_token
    biases = (config.n_layer, *attention) if config.untie_r else attention
    exact = {
        "model/transformer/word_embedding/lookup_table": (tokens, width),
        "model/transformer/mask_emb/mask_emb": (1, 1, width),
        "model/transformer/seg_embed": (config.n_layer, 2, *attention),
        "model/lm_loss/bias": (tokens,),
        UNTIED_WEIGHT: (tokens, width),
        f"model/{heads.sequence_output}/kernel": (width, heads.num_outputs),
        f"model/{heads.sequence_output}/bias": (heads.num_outputs,),
    }
    # For all other names, the first of these endings that fits decides.
    by_ending: tuple[tuple[str, Shape], ...] = (
        ("_bias", biases),
        ("LayerNorm/gamma", (width,)),
        ("LayerNorm/beta", (width,)),
        ("ff/layer_1/kernel", (width, inner)),
        ("ff/layer_1/bias", (inner,)),
        ("ff/layer_2/kernel", (inner, width)),
        ("ff/layer_2/bias", (width,)),
        ("summary/kernel", (width, width)),
        ("summary/bias", (width,)),
        ("dense_0/kernel", (2 * width, width)),
        ("dense_0/bias", (width,)),
        ("dense_1/kernel", (width, 1)),
        ("start_logits/dense/kernel", (width, 1)),
        ("/bias", (1,)),
        ("/kernel", (width, *attention)),
    )
    shapes = {}
    for entry in entries(config, heads):
        name = entry.published
        shapes[name] = exact.get(name) or next(s for end, s in by_ending if name.endswith(end))
    return shapes


def hugging_face_shapes(config: XLNetConfig, heads: Heads) -> dict[str, Shape]:
    """Returns the shapes of all tensors in a Hugging Face state dict, by name.

    The matrix of a tied language model head is not included, because it is that of the embeddings.
    """
    of_published = published_shapes(config, heads)
    shapes = {}
    for entry in entries(config, heads):
        shape = of_published[entry.published]
        if entry.layout is names.Layout.TRANSPOSED:
            shape = shape[::-1]
        elif entry.layout is names.Layout.STACKED:
            shape = shape[1:]
        shapes.update(dict.fromkeys(entry.hugging_face, shape))
    return shapes


def without(
    shapes: Mapping[str, Shape], ignore: Iterable[str], stored_as: Mapping[str, str] | None = None
) -> dict[str, Shape]:
    """Leaves out the variables whose names match one of the regular expressions.

    Args:
        shapes: shapes of the variables by name.
        ignore: the regular expressions.
        stored_as: for variables that have another name in their file, that name; it may match as
            well.

    Returns:
        Shapes of the remaining variables by name.

    Raises:
        WeightsError: if an expression is not a valid regular expression, or matches no name.
    """
    left, other = dict(shapes), stored_as or {}
    for expression in ignore:
        try:
            matched = [
                name
                for name in shapes
                if re.search(expression, name) or re.search(expression, other.get(name, name))
            ]
        except re.error as error:
            raise WeightsError(f"{expression!r} is no regular expression: {error}.") from error
        if not matched:
            raise WeightsError(f"Nothing to ignore: no name matches {expression!r}.")
        for name in matched:
            left.pop(name, None)
    return left


def check_accounted_for(
    where: str, found: Mapping[str, Shape], expected: Mapping[str, Shape]
) -> None:
    """Checks that exactly the variables that the configuration asks for are there.

    Args:
        where: file or folder of the weights, for error messages.
        found: shapes of the variables that were found, by name.
        expected: shapes of the variables that the configuration asks for, by name.

    Raises:
        WeightsError: if they differ; the message lists what was not found, not used, or has another
            shape.
    """
    problems = [f"not found: {name}" for name in expected if name not in found]
    problems += [f"not used: {name}" for name in sorted(found) if name not in expected]
    problems += [
        f"{name} has shape {list(found[name])}, but the configuration asks for {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if problems:
        raise WeightsError(
            f"{where} does not hold what its configuration asks for. What belongs to a head that "
            "is to be new can be left out with --ignore REGEX.\n  " + "\n  ".join(problems)
        )
