"""Configuration of an XLNet: what defines it (`XLNetConfig`) and how it is run (`ModelOptions`).

This module does not import TensorFlow, so that commands which only read a configuration are quick.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from components import configuration, files, git_lfs
from components.configuration import (
    ConfigurationError,
    NonNegativeInt,
    PositiveFloat,
    Seed,
    ShareBelowOne,
)

# In the published XLNet, "gelu" means the tanh approximation, so the exact form has another name.
Activation = Literal["relu", "gelu", "gelu_erf"]
SummaryType = Literal["last", "first", "mean"]
# A configuration file has a few hundred bytes, so anything larger must be some other file.
_MAX_CONFIG_BYTES = 1 << 20
# Far larger than any real network, but small enough that a damaged number is caught before it does
# any harm.
_MAX_LAYERS = 1024
_MAX_SIZE = (1 << 31) - 1
_Size = Annotated[int, Gt(0), Le(_MAX_SIZE)]


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

    n_token: _Size | None = dataclasses.field(default=None, kw_only=True)
    n_layer: Annotated[int, Gt(0), Le(_MAX_LAYERS)]
    d_model: _Size
    n_head: _Size
    d_head: _Size
    d_inner: _Size
    ff_activation: Activation
    untie_r: bool
    summary_type: SummaryType = "last"

    def __post_init__(self) -> None:
        if self.d_model % 2:
            raise ValueError(
                f"d_model must be even (position encodings are half sines, half cosines), "
                f"not {self.d_model}"
            )

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
    def read(cls, path: str) -> XLNetConfig:
        """Reads `xlnet_config.json`.

        Raises:
            components.files.NoSuchFilesError: if there is no such file.
            ConfigurationError: if the file does not hold the configuration of an XLNet; the message
                names the file and the field.
        """
        content = files.read_bytes(path, max_bytes=_MAX_CONFIG_BYTES)
        if git_lfs.is_pointer(content):
            raise ConfigurationError(f"{path} is no configuration. {git_lfs.HINT}")
        config = configuration.from_json(cls, content, where=path)
        if config.n_token is None:
            raise ConfigurationError(f"{path}.n_token must be positive, but is null.")
        return config

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
        init_seed: seed of the initialisation; None takes `training.seed`. A variable's initial
            value depends only on this seed and its name, so all tasks start from the same encoder.
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
        rematerialize: whether all layers but the last are computed again in the backward pass. This
            saves the memory of their activations for about a third more computation.
        embedding_lookup: "gather" or "one_hot" (a matrix product). "auto" is "gather".
        program: the form in which a training step is written, "cpu" or "accelerator", or "auto":
            accelerator on TPUs and cpu elsewhere. Both compute the same network; they draw
            different dropout masks.
    """

    dropout: ShareBelowOne = 0.1
    dropout_att: ShareBelowOne = 0.1
    init_method: Literal["normal", "uniform"] = "normal"
    init_range: PositiveFloat = 0.1
    init_std: PositiveFloat = 0.02
    init_seed: Seed | None = None
    mem_len: NonNegativeInt = 0
    reuse_len: NonNegativeInt = 0
    bi_data: bool = False
    clamp_len: Annotated[int, Ge(-1)] = -1
    same_length: bool = False
    attn_type: Literal["bi", "uni"] = "bi"
    compute_dtype: Literal["float32", "bfloat16", "float64"] = "float32"
    rematerialize: bool = False
    embedding_lookup: Literal["auto", "gather", "one_hot"] = "auto"
    program: Literal["auto", "cpu", "accelerator"] = "auto"

    def __post_init__(self) -> None:
        if self.clamp_len == 0:
            raise ValueError("clamp_len must be positive, or -1 for none, not 0")

    def check_training(self) -> None:
        """Raises a ValueError for what no training can do."""
        if self.compute_dtype == "float64":
            raise ValueError(
                "options.compute_dtype is float64, which is for comparisons of networks alone; "
                "training computes in float32 or bfloat16."
            )

    def check_fine_tuning(self) -> None:
        """Raises a ValueError for what no training can do, or pretraining alone."""
        self.check_training()
        if self.bi_data:
            raise ValueError(
                "options.bi_data is true, which is for pretraining: there, half of the rows of a "
                "batch hold their text backwards. Fine-tuning reads all texts forwards; leave it "
                "out."
            )

    @property
    def variable_dtype(self) -> str:
        """Dtype of variables, softmax, losses and statistics.

        It is float64 if `compute_dtype` is, and float32 otherwise.
        """
        return "float64" if self.compute_dtype == "float64" else "float32"

    @property
    def weight_dtype(self) -> str:
        """Dtype of variables that are used only after a cast to the compute dtype."""
        return self.variable_dtype

    @property
    def fuses_dense_layers(self) -> bool:
        """Whether dense layers are written as `fused_ops.dense`, which suits no training."""
        return False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServingOptions(ModelOptions):
    """How a trained network is run where it only answers, which is what the export sets.

    Weights are stored in the compute dtype. Training casts them in each step, because updates need
    more digits; the values that are computed with are the same. Position encodings are stored as
    each layer projects them, since the projection is the same for all requests.

    Attributes:
        seq_len: largest number of tokens of a sequence.
    """

    seq_len: _Size

    @property
    def weight_dtype(self) -> str:
        """Dtype of variables that are used only in the compute dtype, which is that dtype."""
        return self.compute_dtype

    @property
    def fuses_dense_layers(self) -> bool:
        """Whether dense layers are written as `fused_ops.dense`."""
        return self.compute_dtype == "float32"

    @classmethod
    def of(cls, options: ModelOptions, *, seq_len: int) -> ServingOptions:
        """Returns the options for a network that was trained with the given ones."""
        fields = dataclasses.fields(ModelOptions)
        values = {field.name: getattr(options, field.name) for field in fields}
        return cls(**values, seq_len=seq_len)
