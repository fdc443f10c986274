"""Reads, checks and writes folders in the published layout, and other TF1 checkpoints of XLNet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from components import files
from components.checkpoint_conversion import checkpoint_path, description, named_checkpoint
from components.checkpoint_conversion import heads as heads_lib
from components.checkpoint_conversion.checkpoint_path import CHECKPOINT_NAME, CONFIG_NAME
from components.checkpoint_conversion.description import Description
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.named_checkpoint import MASK_EMBEDDING
from components.checkpoint_conversion.tensors import Tensors
from components.checkpoint_conversion.weights import Weights
from components.gathering import gathered
from components.modeling.config import XLNetConfig
from components.vocabulary_file_name import MODEL_FILE_NAME

# A variable that marks object-based checkpoints, such as those from which a run resumes. Unlike
# published checkpoints, they are not organised by variable names.
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


@contextlib.contextmanager
def open_to_read(
    path: str, *, config_path: str | None = None, ignore: Sequence[str] = ()
) -> Iterator[Weights]:
    """Opens a checkpoint; its weights can be read inside the `with` block.

    Args:
        path: folder, prefix of the checkpoint, or its `.index` file.
        config_path: path of `xlnet_config.json`; None if it is beside the checkpoint.
        ignore: regular expressions; variables whose names match one are left out.

    Raises:
        WeightsError: if the checkpoint is missing or damaged, or does not have exactly the
            variables that its configuration asks for; the message then lists what was not found,
            not used, or has another shape.
    """
    prefix = checkpoint_path.find_prefix(path)
    if prefix is None:
        raise WeightsError(f"{path} is no TensorFlow checkpoint, nor a folder with one.")
    folder = checkpoint_path.folder_of(prefix)
    config = _read_config(config_path or files.join(folder, CONFIG_NAME))
    stored = named_checkpoint.open_arrays(prefix)
    if _OBJECT_GRAPH in stored:
        raise WeightsError(
            f"{prefix} is a checkpoint from which a run resumes. The weights by name are what a "
            "run leaves in the folder 'xlnet' of its model directory."
        )
    found = heads_lib.without(stored.shapes, ignore, stored.stored_as)
    heads = heads_lib.find(found)
    expected = heads_lib.published_shapes(config, heads)
    notes = []
    at_root = sorted(
        {stored.stored_as[name].partition("/")[0] for name in found if name in stored.stored_as}
    )
    if at_root:
        notes.append(
            f"{', '.join(at_root)}: at the root of the checkpoint, as the published code writes "
            "them; here they stand below model/."
        )
    # The head that shows it may be among what is ignored.
    if named_checkpoint.lacks_mask_embedding_by_design(stored.shapes):
        # Published fine-tuning builds no query stream, so the checkpoint lacks its embedding.
        found[MASK_EMBEDDING] = expected[MASK_EMBEDDING]
        notes.append(
            f"{MASK_EMBEDDING} is not in the checkpoint, as in all that the published code "
            "fine-tuned; zeros stand for it. Only pretraining uses it."
        )
    heads_lib.check_accounted_for(prefix, found, expected)

    def read(name: str) -> np.ndarray:
        return stored[name] if name in stored else np.zeros(expected[name], np.float32)

    vocabulary = files.join(folder, MODEL_FILE_NAME)
    described = description.read(folder)
    yield Weights(
        config=config,
        heads=heads,
        tensors=Tensors(expected, read, where=prefix),
        vocabulary=vocabulary if files.exists(vocabulary) else None,
        vocabulary_sha256=described.vocabulary_sha256,
        labels=_labels(described, heads),
        uncased=described.uncased,
        keep_accents=described.keep_accents,
        notes=tuple(notes),
    )


def write_tensors(folder: str, weights: Weights) -> None:
    """Writes `xlnet_model.ckpt`."""
    with gathered(folder) as local:
        named_checkpoint.write_arrays(files.join(local, CHECKPOINT_NAME), weights.tensors)


def write_config(folder: str, weights: Weights) -> None:
    """Writes `xlnet_config.json`."""
    weights.config.write(files.join(folder, CONFIG_NAME))


def _read_config(path: str) -> XLNetConfig:
    try:
        return XLNetConfig.read(path)
    except files.NoSuchFilesError as error:
        raise WeightsError(
            f"There is no configuration at {path}. Give the model's {CONFIG_NAME} with "
            "--model-config."
        ) from error
    except ValueError as error:
        raise WeightsError(str(error)) from error


def _labels(described: Description, heads: heads_lib.Heads) -> tuple[str, ...]:
    # Labels are meaningless if their head was left out, or if there is a different one.
    fits = heads.sequence is not None and len(described.labels) == heads.num_outputs
    return described.labels if fits else ()
