"""The cases of `train_step` as configurations of pipelines, whose step is the Trainer's own."""

from __future__ import annotations

from benchmarks.train_step.cases import D_HEAD, DROPOUT, LEARNING_RATE, N_TOKEN, Case
from pipeline import preset_loader
from pipeline.config import PipelineConfig


def of_case(case: Case, dtype: str) -> PipelineConfig:
    """Returns the configuration of a pipeline whose training step has the sizes of a case.

    Args:
        case: sizes of the step.
        dtype: compute dtype.
    """
    settings = {
        "model.n_layer": case.n_layer,
        "model.d_model": case.d_model,
        "model.n_head": case.n_head,
        "model.d_head": D_HEAD,
        "model.d_inner": case.d_inner,
        "model.n_token": N_TOKEN,
        "options.compute_dtype": dtype,
        "options.dropout": DROPOUT,
        "options.dropout_att": DROPOUT,
        "training.batch_size": case.batch_size,
        "training.eval_batch_size": case.batch_size,
        "training.learning_rate": LEARNING_RATE,
        # Needed for nothing here.
        "data.root": "unused",
        "run.output_root": "unused",
        "vocabulary.model": "unused",
        "vocabulary.size": "null",
    }
    if case.num_predict:
        preset = "pretraining_large"
        settings |= {
            "records.batch_size": case.batch_size,
            "records.num_cores": 1,
            "records.seq_len": case.seq_len,
            "records.reuse_len": case.reuse_len,
            "records.num_predict": case.num_predict,
            "perm_size": case.seq_len // 2,
            "options.mem_len": case.mem_len,
            "options.rematerialize": "false",
            "training.weight_decay": 0.0,
        }
    else:
        preset = "sst2_large"
        settings["seq_len"] = case.seq_len
    return preset_loader.load(preset, [f"{key}={value}" for key, value in settings.items()])
