"""The configuration that all kinds of pipelines share; presets fill it in, and runners read it.

Settings that belong to one library are declared by that library (`XLNetConfig`, `ModelOptions`,
`TrainingConfig`). This module puts them together and checks them against each other. Each kind of
pipeline adds its own settings in `pipeline/kinds/<kind>/config.py`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from components import files
from components.configuration import PositiveInt
from components.modeling.config import ModelOptions, XLNetConfig
from components.tokenization import vocabulary as vocabulary_lib
from components.trainer import initial_weights
from components.trainer.config import TrainingConfig
from components.trainer.repeats import Repeats
from components.trainer.search import SearchConfig
from pipeline import searched_folders
from pipeline.deployment import DeploymentConfig

# Kubeflow and Vertex accept these as names of pipelines, and file systems as names of folders.
_LEGAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclasses.dataclass(frozen=True)
class VocabularyConfig:
    """Which SentencePiece model to use, and how text is normalised for it.

    Exactly one of `model` and `size` is given.

    Attributes:
        model: path of an existing model, local or `gs://`.
        size: number of pieces of a new model, which is trained on the training split.
        uncased: whether texts are lower-cased.
        keep_accents: whether accents and other combining marks are kept; False removes them, as
            the published English models expect.
    """

    model: str | None = None
    size: PositiveInt | None = None
    uncased: bool = False
    keep_accents: bool = False

    def __post_init__(self) -> None:
        if (self.model is None) == (self.size is None):
            # Without either, the configuration is a preset that was not given its vocabulary.
            options = (
                "; on the command line, --vocabulary FILE or --set vocabulary.size=8000 "
                "model.n_token=null"
                if self.model is None
                else ""
            )
            raise ValueError(
                f"give either model (an existing file) or size (to train one){options}."
            )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where a run writes its files, and how Beam runs. None of this changes what is computed.

    Attributes:
        output_root: folder for the pipeline's artifacts, metadata and logs.
        push_to: folder for blessed models, each of which becomes a numbered version; None takes
            `<output_root>/serving`.
        state_root: folder in which trainings keep their checkpoints, so that a later attempt can
            resume; None takes `<output_root>/training`, or a folder on the pod's own disk if
            TensorFlow cannot open that one.
        enable_cache: whether to skip components whose inputs have not changed.
        beam_args: command-line arguments for Beam in each component; the default runs Beam in this
            process.
    """

    output_root: str
    push_to: str | None = None
    state_root: str | None = None
    enable_cache: bool = True
    # Without a runner, Beam would look for the Prism binary and download it. Without the name of
    # an image, TFX would package itself for every component, for workers that do not exist.
    beam_args: tuple[str, ...] = ("--runner=FnApiRunner", "--sdk_container_image=unused")

    def __post_init__(self) -> None:
        searched_folders.check(self.output_root, setting="output_root")
        for setting in ("push_to", "state_root"):
            searched_folders.check_home(getattr(self, setting) or "", setting=setting)

    @property
    def training_state(self) -> str:
        """The folder in which each training keeps its checkpoints, in a subfolder of its own."""
        if self.state_root:
            return self.state_root
        # TensorFlow, which writes the checkpoints, can open neither kind of address.
        if self.output_root.startswith(("s3://", "minio://")):
            return "/tmp/xlnet-pipeline/training"
        return f"{self.output_root}/training"

    @property
    def serving_dir(self) -> str:
        """The folder to which blessed models are pushed."""
        return self.push_to or f"{self.output_root}/serving"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """The settings that every kind of pipeline has.

    Attributes:
        ELSEWHERE: keys that only other kinds have but that users may try here, each with an
            explanation of what to do instead, for the error message.
        name: name of the pipeline, made of lower-case letters, digits and hyphens.
        vocabulary: the SentencePiece model.
        model: sizes of the network; `n_token` may be left out, because it follows the vocabulary.
        training: optimizer, schedule and devices.
        run: where files are written.
        options: dropout, initialisation and compute dtype.
        init_from: folder with `xlnet_model.ckpt`, from whose encoder the training starts; None
            starts from random weights.
        repeats: seeds to train with, one after the other, instead of `training.seed`; the run with
            the median score is the one that is evaluated.
        search: settings to search before the training; its trials take everything else from this
            configuration.
        deployment: settings for Kubeflow Pipelines and Vertex AI; a local run does not need them.
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
        self.options.check_training()
        self.training.check_folder(self.run.training_state)
        size = self.vocabulary.size
        if size is not None and self.model.n_token not in (None, size):
            raise ValueError(
                f"vocabulary.size is {size}, but model.n_token is {self.model.n_token}; leave "
                "n_token out, it follows the vocabulary."
            )

    @property
    def model_options(self) -> ModelOptions:
        """How the network is run. A kind may override this to fill in what it derives elsewhere."""
        return self.options

    @property
    def trained_model(self) -> XLNetConfig:
        """The sizes of the network for the Trainer.

        `n_token` is unset if the vocabulary is trained by the pipeline, because that vocabulary may
        turn out smaller than `vocabulary.size`.
        """
        if self.vocabulary.size is None:
            return self.model
        return dataclasses.replace(self.model, n_token=None)

    def sized_model(self) -> XLNetConfig:
        """The sizes of the network with `n_token` filled in, for estimates and checks.

        This reads the vocabulary file if neither `model.n_token` nor `vocabulary.size` is set.

        Raises:
            NoSuchFilesError, VocabularyError: if the vocabulary cannot be read.
        """
        if self.model.n_token is not None:
            return self.model
        size = self.vocabulary.size or vocabulary_lib.load(self.vocabulary.model).size
        return dataclasses.replace(self.model, n_token=size)

    def check_training_metrics(self, known: Sequence[str], *, hint: str = "") -> None:
        """Checks that the metrics by which trainings are compared are measured during training.

        Args:
            known: metrics of the evaluations during training.
            hint: a sentence about how to have more of them measured.

        Raises:
            ValueError: if a setting names another metric.
        """
        for setting, name in (
            ("training.best_metric", self.training.best_metric),
            ("repeats.metric", self.repeats and self.repeats.metric),
            ("search.metric", self.search and self.search.metric),
        ):
            if name is not None and name not in known:
                raise ValueError(
                    f"{setting} is {name!r}; the evaluations during training measure "
                    f"{', '.join(known)}. {hint}".rstrip()
                )

    def check_inputs(self) -> None:
        """Checks that every input file exists and that vocabulary and initial weights fit.

        Raises:
            NoSuchFilesError: if a file is missing; the message names the pattern or folder.
            VocabularyError: if the vocabulary file is not a SentencePiece model, or has another
                size than `model.n_token`.
            InitialWeightsError: if there are no weights in `init_from`, or if they belong to a
                network of other sizes.
            ManifestError: if they were made with another vocabulary, or from texts that were
                normalised in another way.
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
            initial_weights.check_checkpoint(self.init_from)
            initial_weights.check_network(self.init_from, self.sized_model())
            initial_weights.check_normalization(
                self.init_from,
                uncased=self.vocabulary.uncased,
                keep_accents=self.vocabulary.keep_accents,
            )
            if self.vocabulary.model:
                initial_weights.check_vocabulary(
                    self.init_from,
                    files.sha256(files.read_bytes(self.vocabulary.model)),
                    whose=self.vocabulary.model,
                )
