"""Runs that tests of the trainer start, and what they leave."""

import dataclasses
import json
import pathlib
import time

import numpy as np
import tensorflow as tf

from components.trainer.classification.tasks import ClassificationTask
from components.trainer.config import TrainingConfig


@dataclasses.dataclass(frozen=True)
class SabotagedTask(ClassificationTask):
    """Gives a loss of NaN in the updates whose batches hold one of these records."""

    poison: tuple[int, ...] = ()
    updates: list[float] | None = None  # makes updates slow, and gets the time of each

    def training_loss(self, model, features, state, *, dropout_seed):
        loss, state = super().training_loss(model, features, state, dropout_seed=dropout_seed)
        total = loss.total
        if self.updates is not None:

            def wait(value):
                self.updates.append(time.monotonic())
                time.sleep(0.2)
                return value

            total = tf.ensure_shape(tf.py_function(wait, [total], tf.float32), [])
        for record in self.poison:
            hit = tf.reduce_any(features["input_ids"][:, -1] == 100 + record)
            total *= tf.where(hit, np.float32("nan"), 1.0)
        return loss._replace(total=total), state


def short_training(**changes) -> TrainingConfig:
    defaults = {
        "batch_size": 5,
        "train_steps": 20,
        "learning_rate": 5e-3,
        "eval_batch_size": 10,
        "eval_steps_interval": 1000,
        "steps_per_loop": 5,
        "save_steps": 5,
    }
    return TrainingConfig(**(defaults | changes))


def with_training(config, **changes):
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))


def points(model_dir) -> list[dict]:
    text = (pathlib.Path(model_dir) / "history" / "history.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]
