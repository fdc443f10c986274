"""Configuration of an XLNet: what defines it (`XLNetConfig`) and how it is run (`ModelOptions`).

This module does not import TensorFlow, so that commands which only read a configuration are quick.
"""

from __future__ import annotations

import dataclasses
import json
import reprlib
from typing import Any

from components import files

# In the published XLNet, "gelu" means the tanh approximation, so the exact form has another name.
FF_ACTIVATIONS = ("relu", "gelu", "gelu_erf")
SUMMARY_TYPES = ("last", "first", "mean")
INIT_METHODS = ("normal", "uniform")
ATTN_TYPES = ("bi", "uni")
COMPUTE_DTYPES = ("float32", "bfloat16", "float64")
EMBEDDING_LOOKUPS = ("auto", "gather", "one_hot")
PROGRAMS = ("auto", "cpu", "accelerator")

# A configuration file has a few hundred bytes, so anything larger must be some other file.
_MAX_CONFIG_BYTES = 1 << 20
# Far larger than any real network, but small enough that a damaged number is caught before it does
# any harm.
_MAX_LAYERS = 1024
_MAX_SIZE = (1 << 31) - 1


@dataclasses.dataclass(frozen=True)
class XLNetConfig:
    """The network itself, with the fields of the published `xlnet_config.json`.

    Attributes:
        n_token: number of pieces in the vocabulary. None is for a network that does not exist yet;
            the number is then taken from the vocabulary of its records.
        n_layer: number of attention layers.
        d_model: width of the hidden states. It must be even, because one half of a position
            encoding consists of sines and the other of cosines.
        n_head: number of attention heads.
        d_head: width of an attention head. `n_head * d_head` need not be `d_model`.
        d_inner: width of the feed-forward layer.
        ff_activation: "relu", "gelu" (the tanh approximation, as published; "gelu_new" at Hugging
            Face) or "gelu_erf" (the exact form; "gelu" at Hugging Face).
        untie_r: whether each layer has its own attention biases (`r_w_bias` …).
        summary_type: what a head for whole sequences looks at: the "last" token, which is CLS; the
            "first" token; or the "mean" of all `seq_len` positions including padding, as in the
            published code and in Hugging Face's. Published files do not have this field, and a file
            without it means "last".
    """

    n_token: int | None = dataclasses.field(default=None, kw_only=True)
    n_layer: int
    d_model: int
    n_head: int
    d_head: int
    d_inner: int
    ff_activation: str
    untie_r: bool
    summary_type: str = "last"

    def __post_init__(self) -> None:
        if self.n_token is not None:
            _require_int(self, "n_token", minimum=1, maximum=_MAX_SIZE)
        for name in ("n_layer", "d_model", "n_head", "d_head", "d_inner"):
            maximum = _MAX_LAYERS if name == "n_layer" else _MAX_SIZE
            _require_int(self, name, minimum=1, maximum=maximum)
        if self.d_model % 2:
            raise ValueError(
                f"d_model must be even (position encodings are half sines, half cosines), "
                f"not {self.d_model}"
            )
        _require_choice(self, "ff_activation", FF_ACTIVATIONS)
        _require_bool(self, "untie_r")
        _require_choice(self, "summary_type", SUMMARY_TYPES)

    def to_published(self) -> dict[str, Any]:
        """Returns the fields of a published file; `summary_type` is included only if not "last".

        Thus files that were written before this field existed equal those that are written now.
        """
        fields = dataclasses.asdict(self)
        if self.summary_type == "last":
            del fields["summary_type"]
        return fields

    def to_json(self) -> str:
        """Returns JSON in the format of the published files: sorted keys, indented by 4 spaces."""
        return json.dumps(self.to_published(), indent=4, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> XLNetConfig:
        """Reads a published configuration.

        Raises:
            ValueError: if the text is not a JSON object, or a field is missing, unknown or illegal.
        """
        try:
            fields = json.loads(text)
        # Python raises a ValueError for numbers with thousands of digits, too.
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not an XLNet configuration, because not JSON: {error}") from error
        if not isinstance(fields, dict):
            raise ValueError(
                f"an XLNet configuration is a JSON object, not a {type(fields).__name__}"
            )
        names = [field.name for field in dataclasses.fields(cls)]
        missing = [n for n in names if n not in fields and n != "summary_type"]
        unknown = sorted(set(fields) - set(names))
        if missing or unknown:
            raise ValueError(
                f"an XLNet configuration has the fields {names} (summary_type may be left out); "
                f"missing: {missing}, unknown: {reprlib.repr(unknown)}"
            )
        if fields["n_token"] is None:
            raise ValueError("n_token must be an integer >= 1, not None")
        return cls(**fields)

    @classmethod
    def read(cls, path: str) -> XLNetConfig:
        """Reads `xlnet_config.json`; error messages name the file.

        Raises:
            components.files.NoSuchFilesError: if there is no such file.
            ValueError: if the file does not hold an XLNet configuration.
        """
        content = files.read_bytes(path, max_bytes=_MAX_CONFIG_BYTES)
        try:
            return cls.from_json(content.decode("utf-8"))
        except ValueError as error:  # This includes UnicodeDecodeError.
            raise ValueError(f"{path}: {error}") from error

    def write(self, path: str) -> None:
        """Writes `xlnet_config.json` atomically."""
        files.write_bytes(path, self.to_json().encode("utf-8"))


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """How a network is run. These options may differ between pretraining and fine-tuning.

    Attributes:
        dropout: fraction of hidden units dropped in training.
        dropout_att: fraction of attention probabilities dropped in training.
        init_method: "normal" (standard deviation `init_std`) or "uniform" (±`init_range`).
        init_range: half width of the uniform initialisation.
        init_std: standard deviation of the normal initialisation.
        init_seed: seed of the initialisation. A variable's initial value depends only on this seed
            and its name, so all tasks start from the same encoder.
        mem_len: number of tokens of memory kept per layer; 0 keeps none.
        reuse_len: number of tokens at the beginning of each segment that enter the memory; 0 means
            all of them.
        bi_data: whether the second half of a batch holds backward sequences, whose position
            encodings run the other way.
        clamp_len: largest relative distance; greater ones are clamped to it. -1 does not clamp.
        same_length: with `attn_type="uni"`, whether every token attends equally far back.
        attn_type: "bi", or "uni" for attention to the left only.
        compute_dtype: dtype of activations: "float32"; "bfloat16", where variables, softmax,
            losses and layer normalisation statistics stay float32; or "float64", where everything
            is float64, for checking gradients.
        rematerialize: whether layers are computed again in the backward pass. This saves the memory
            of their activations for about a third more computation.
        embedding_lookup: "gather" or "one_hot" (a matrix product). "auto" is "gather".
        program: the form in which a training step is written, "cpu" or "accelerator", or "auto":
            accelerator on TPUs and cpu elsewhere. Both compute the same network; they draw
            different dropout masks.
    """

    dropout: float = 0.1
    dropout_att: float = 0.1
    init_method: str = "normal"
    init_range: float = 0.1
    init_std: float = 0.02
    init_seed: int = 0
    mem_len: int = 0
    reuse_len: int = 0
    bi_data: bool = False
    clamp_len: int = -1
    same_length: bool = False
    attn_type: str = "bi"
    compute_dtype: str = "float32"
    rematerialize: bool = False
    embedding_lookup: str = "auto"
    program: str = "auto"

    def __post_init__(self) -> None:
        for name in ("dropout", "dropout_att"):
            _require_number(self, name)
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), not {getattr(self, name)}")
        for name in ("init_range", "init_std"):
            _require_number(self, name)
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("mem_len", "reuse_len", "init_seed"):
            _require_int(self, name, minimum=0)
        if self.init_seed >= 1 << 31:
            raise ValueError(f"init_seed must be below 2**31, not {self.init_seed}")
        _require_int(self, "clamp_len", minimum=-1)
        if self.clamp_len == 0:
            raise ValueError("clamp_len must be positive, or -1 for none, not 0")
        for name in ("bi_data", "same_length", "rematerialize"):
            _require_bool(self, name)
        _require_choice(self, "init_method", INIT_METHODS)
        _require_choice(self, "attn_type", ATTN_TYPES)
        _require_choice(self, "compute_dtype", COMPUTE_DTYPES)
        _require_choice(self, "embedding_lookup", EMBEDDING_LOOKUPS)
        _require_choice(self, "program", PROGRAMS)

    @property
    def variable_dtype(self) -> str:
        """Dtype of variables, softmax, losses and statistics.

        It is float64 if `compute_dtype` is, and float32 otherwise.
        """
        return "float64" if self.compute_dtype == "float64" else "float32"


def _require_int(instance: Any, name: str, *, minimum: int, maximum: int | None = None) -> None:
    value = getattr(instance, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(
            f"{name} must be a whole number of at least {minimum}, not {reprlib.repr(value)}"
        )
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum:,}, not {reprlib.repr(value)}")


def _require_number(instance: Any, name: str) -> None:
    value = getattr(instance, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, not {reprlib.repr(value)}")


def _require_bool(instance: Any, name: str) -> None:
    value = getattr(instance, name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {reprlib.repr(value)}")


def _require_choice(instance: Any, name: str, choices: tuple[str, ...]) -> None:
    value = getattr(instance, name)
    if value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}, not {reprlib.repr(value)}")
