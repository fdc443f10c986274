"""What every kind of pipeline is configured by; the presets fill it in, every runner reads it.

What one library alone needs is declared by that library (`XLNetConfig`, `ModelOptions`,
`TrainingConfig`); here they are put together and checked against each other. Each kind adds its own
in a module beside this one (`classification_config`), and `kinds` lists them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import ClassVar

from components import files
from components.modeling.config import ModelOptions, XLNetConfig
from components.tokenization import vocabulary as vocabulary_lib
from components.trainer import initial_weights
from components.trainer.config import TrainingConfig
from components.trainer.repeats import Repeats
from components.trainer.search import SearchConfig
from pipeline import searched_folders
from pipeline.deployment import DeploymentConfig

# What Kubeflow and Vertex accept as the name of a pipeline, and file systems as a folder's.
_LEGAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclasses.dataclass(frozen=True)
class VocabularyConfig:
    """The SentencePiece model.

    Attributes:
        model: path of an existing one, local or `gs://`; None trains one on the training split.
        size: pieces of the one to be trained.
        uncased: whether texts are lower-cased.
        keep_accents: whether accents and other marks that combine with a letter are kept; false
            takes them away, as published for English.
    """

    model: str | None = None
    size: int | None = None
    uncased: bool = False
    keep_accents: bool = False

    def __post_init__(self) -> None:
        if (self.model is None) == (self.size is None):
            raise ValueError("give either model (an existing file) or size (to train one).")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where things are written and how Beam runs. Nothing here changes what is computed.

    Attributes:
        output_root: gets artifacts, metadata and logs of the pipeline.
        state_root: folder in which trainings keep their checkpoints, for the next attempt; None
            takes `<output_root>/training`, or a folder of the pod where TensorFlow cannot open
            that.
        push_to: folder that gets the blessed models, a numbered version each; None takes
            `<output_root>/serving`.
        enable_cache: whether components whose inputs have not changed are skipped.
        beam_args: passed to Beam in each component; the default runs in this process.
    """

    output_root: str
    push_to: str | None = None
    state_root: str | None = None
    enable_cache: bool = True
    # Without a runner Beam would look for Prism's binary and download it; without the name of an
    # image TFX packs itself up for every component, for workers that are not there.
    beam_args: tuple[str, ...] = ("--runner=FnApiRunner", "--sdk_container_image=unused")

    def __post_init__(self) -> None:
        searched_folders.check(self.output_root, setting="output_root")

    @property
    def training_state(self) -> str:
        """Where trainings keep their checkpoints, a folder each, for the next attempt."""
        if self.state_root:
            return self.state_root
        # TensorFlow opens neither.
        if self.output_root.startswith(("s3://", "minio://")):
            return "/tmp/xlnet-pipeline/training"
        return f"{self.output_root}/training"

    @property
    def serving_dir(self) -> str:
        """Where blessed models go."""
        return self.push_to or f"{self.output_root}/serving"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """What every kind of pipeline has.

    Attributes:
        ELSEWHERE: keys of other kinds that one might look for in this one, with what to do instead.
        name: of the pipeline: lower-case letters, digits and hyphens.
        vocabulary: the SentencePiece model.
        model: sizes of the network; `n_token` may be left out, it follows the vocabulary.
        training: optimizer, schedule, devices.
        run: where things are written.
        options: dropout, initialisation, compute dtype.
        init_from: folder with `xlnet_model.ckpt`, whose encoder training starts from; None starts
            from random weights.
        repeats: seeds with which to train instead of `training.seed`, of which the median counts.
        search: settings to look for before the training, by trials with `training` otherwise.
        deployment: for Kubeflow Pipelines and Vertex AI; a run in this process does without.
    """

    ELSEWHERE: ClassVar[Mapping[str, str]] = {}

    name: str
    vocabulary: VocabularyConfig
    model: XLNetConfig
    training: TrainingConfig
    run: RunConfig
    options: ModelOptions = dataclasses.field(default_factory=ModelOptions)
    init_from: str | None = None
    repeats: Repeats | None = None
    search: SearchConfig | None = None
    deployment: DeploymentConfig | None = None

    def __post_init__(self) -> None:
        if not _LEGAL_NAME.fullmatch(self.name):
            raise ValueError(
                f"name is {self.name!r}; it should start with a lower-case letter and hold only "
                "lower-case letters, digits and hyphens, 63 at most."
            )
        size = self.vocabulary.size
        if size is not None and self.model.n_token not in (None, size):
            raise ValueError(
                f"vocabulary.size is {size}, but model.n_token is {self.model.n_token}; leave "
                "n_token out, it follows the vocabulary."
            )

    @property
    def model_options(self) -> ModelOptions:
        """How the network is run; kinds that derive some of it from elsewhere add that."""
        return self.options

    @property
    def trained_model(self) -> XLNetConfig:
        """`model` for what trains. A vocabulary of its own may become smaller than was asked."""
        if self.vocabulary.size is None:
            return self.model
        return dataclasses.replace(self.model, n_token=None)

    def sized_model(self) -> XLNetConfig:
        """`model` with its `n_token`, for estimates; reads the vocabulary where that is left out.

        Raises:
            NoSuchFilesError, VocabularyError: if it cannot be read.
        """
        if self.model.n_token is not None:
            return self.model
        size = self.vocabulary.size or vocabulary_lib.load(self.vocabulary.model).size
        return dataclasses.replace(self.model, n_token=size)

    def check_inputs(self) -> None:
        """Looks for every input file.

        Raises:
            NoSuchFilesError: naming the pattern that matched nothing.
            VocabularyError: if the vocabulary is none, or not the model's.
        """
        if self.vocabulary.model:
            given, size = self.model.n_token, vocabulary_lib.load(self.vocabulary.model).size
            if given not in (None, size):
                raise vocabulary_lib.VocabularyError(
                    f"{self.vocabulary.model} has {size:,} pieces, but model.n_token is "
                    f"{given:,}. Leave n_token out, or give the vocabulary that belongs to the "
                    "model."
                )
        if self.init_from:
            files.in_folder(self.init_from, purpose="init_from")
            initial_weights.check_network(self.init_from, self.sized_model())
            if self.vocabulary.model:
                initial_weights.check_vocabulary(
                    self.init_from,
                    files.sha256(files.read_bytes(self.vocabulary.model)),
                    whose=self.vocabulary.model,
                )
