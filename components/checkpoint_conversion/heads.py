"""Which heads a set of weights has, and which variables of which shapes follow from that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from components.checkpoint_conversion import names
from components.checkpoint_conversion.errors import WeightsError
from components.modeling.config import XLNetConfig

Shape = tuple[int, ...]

UNTIED_WEIGHT = "model/lm_loss/weight"
# Tasks are named by users: "mnli", "sts-b".
_SEQUENCE = re.compile(r"^model/(?:((?:classification|regression)_[^/]+)/logit|logits/dense)/")
# The published name of that head has no task in it.
MULTIPLE_CHOICE = "multiple_choice"
_QUESTION_ANSWERING = ("model/start_logits/", "model/end_logits/", "model/answer_class/")


@dataclasses.dataclass(frozen=True)
class Heads:
    """The heads beside the encoder.

    Attributes:
        language_model: whether there is one for pretraining.
        tie_weight: whether its matrix is that of the word embeddings.
        sequence: the head for whole sequences, as `classification_mnli`, `regression_sts-b` or
            `multiple_choice`; None for none.
        num_outputs: of that head; 0 for none. Multiple choice has one, for each option anew.
        question_answering: whether there is a span head.
    """

    language_model: bool = False
    tie_weight: bool = True
    sequence: str | None = None
    num_outputs: int = 0
    question_answering: bool = False

    @property
    def is_regression(self) -> bool:
        """Whether the head for whole sequences gives a number."""
        return self.sequence is not None and self.sequence.startswith("regression_")

    @property
    def task_name(self) -> str | None:
        """`mnli` of `classification_mnli`."""
        if self.sequence in (None, MULTIPLE_CHOICE):
            return None
        return self.sequence.partition("_")[2]

    @property
    def sequence_output(self) -> str | None:
        """Published name of the output layer of the head for whole sequences, below `model/`."""
        return _sequence_output(self.sequence) if self.sequence else None

    def describe(self) -> str:
        """For people."""
        parts = []
        if self.language_model:
            parts.append(f"language model ({'tied' if self.tie_weight else 'untied'} weights)")
        if self.sequence:
            parts.append(f"{self.sequence} ({self.num_outputs} outputs)")
        if self.question_answering:
            parts.append("question answering")
        return ", ".join(parts) or "none"


def find(shapes: Mapping[str, Shape]) -> Heads:
    """The heads that published names speak of; parts of a head count as the whole.

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
    """All variables of an encoder with these heads."""
    found = names.encoder_entries(config)
    if heads.language_model:
        found += names.language_model_entries(tie_weight=heads.tie_weight)
    if heads.sequence:
        found += names.sequence_entries(heads.sequence_output)
    if heads.question_answering:
        found += names.question_answering_entries()
    return found


def published_shapes(config: XLNetConfig, heads: Heads) -> dict[str, Shape]:
    """Shapes of all variables under their published names."""
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
    # By the end of a name; the first that fits.
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
    """Shapes of all tensors of a Hugging Face state dict; a tied LM matrix is not one of them."""
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
    """What is left when names that match one of the regular expressions are left out.

    Args:
        shapes: by name.
        ignore: the expressions.
        stored_as: other names of some of them, which may match as well.

    Raises:
        WeightsError: if an expression is none, or matches nothing.
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
    """Compares what is there with what the configuration asks for.

    Raises:
        WeightsError: listing what was not found, not used, or has another shape.
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
