"""What pretraining ships: a folder in the published layout, from which fine-tuning starts.

It holds `xlnet_model.ckpt.*` (the weights by their published names, the language model's head
included), `xlnet_config.json` (sizes of the network), `spiece.model` (the vocabulary),
`xlnet_weights.json` (its digest), and under `assets.extra/` which records the weights belong to.
"""

from __future__ import annotations

from components import manifest as manifest_lib
from components.checkpoint_conversion.description import Description
from components.export import saved_model_records
from components.preprocessing import vocabulary_file
from components.trainer.loop import TrainingResult
from components.trainer.pretraining.pretrain import PretrainingConfig
from components.trainer.training_run import with_vocabulary, write_weights


def save(
    result: TrainingResult, config: PretrainingConfig, *, records_dir: str, directory: str
) -> None:
    """Writes the folder.

    Args:
        result: of the run.
        config: of the run.
        records_dir: where the records' manifest and their vocabulary lie.
        directory: gets the files.
    """
    manifest = manifest_lib.read(records_dir)
    config = with_vocabulary(config, manifest)
    write_weights(result, config.model, Description(manifest.vocabulary_sha256), directory)
    describe(records_dir, directory)


def describe(records_dir: str, directory: str) -> None:
    """Writes what belongs beside the weights: their vocabulary, and which records they are from."""
    vocabulary_file.write(vocabulary_file.read(records_dir), directory)
    saved_model_records.write(
        directory,
        manifest_lib.read(records_dir),
        names=("seq_len", "reuse_len", "bi_data", "num_predict", "uncased", "keep_accents"),
    )
