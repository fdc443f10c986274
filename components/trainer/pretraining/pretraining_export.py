"""Exports the result of pretraining: a folder in the published layout, to start fine-tuning from.

It contains `xlnet_model.ckpt.*` (the weights under their published names, including the language
model's head), `xlnet_config.json` (sizes of the network), `spiece.model` (the vocabulary),
`xlnet_weights.json` (digest of the vocabulary, case and accents of the texts), and under
`assets.extra/` a description of the records that the weights were trained on.
"""

from __future__ import annotations

from components import manifest as manifest_lib
from components.export import saved_model_records
from components.preprocessing import vocabulary_file
from components.trainer.loop import TrainingResult
from components.trainer.pretraining.pretrain import PretrainingConfig
from components.trainer.training_run import completed, write_weights


def save(
    result: TrainingResult, config: PretrainingConfig, *, records_dir: str, directory: str
) -> None:
    """Writes the weights and everything that belongs beside them.

    Args:
        result: result of the run.
        config: configuration of the run.
        records_dir: folder with the manifest and the vocabulary of the records.
        directory: folder to write to.
    """
    manifest = manifest_lib.read(records_dir)
    config = completed(config, manifest)
    write_weights(result, config, manifest, directory)
    describe(records_dir, directory)


def describe(records_dir: str, directory: str) -> None:
    """Writes the vocabulary and the description of the training records beside the weights."""
    vocabulary_file.write(vocabulary_file.read(records_dir), directory)
    saved_model_records.write(
        directory,
        manifest_lib.read(records_dir),
        names=("seq_len", "reuse_len", "bi_data", "num_predict", "uncased", "keep_accents"),
    )
