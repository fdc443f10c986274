"""Training and evaluation steps under XLA, memory between them included."""

import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.trainer import optimization
from components.trainer.carried_state import CarriedState
from components.trainer.config import TrainingConfig
from components.trainer.pretraining.task import PretrainingTask
from components.trainer.steps import Evaluation, TrainSteps

ROWS, SEQ_LEN, REUSE_LEN, MEM_LEN, NUM_PREDICT = 4, 8, 4, 6, 3


class CountedTask:
    """A task that counts how often its functions are traced, and may call back to the host."""

    def __init__(self, task, *, calls_host=False):
        self._task = task
        self._calls_host = calls_host
        self.traces = collections.Counter()

    def __getattr__(self, name):
        return getattr(self._task, name)

    def training_loss(self, model, features, state, **kwargs):
        self.traces["training"] += 1
        if self._calls_host:
            # Instead of the network, which would only make the refusal late.
            on_host = tf.ensure_shape(tf.py_function(lambda: 1.0, [], tf.float32), [])
            total = on_host * tf.reduce_sum(model.trainable_variables[0])
            return (total, tf.ones([])), state
        return self._task.training_loss(model, features, state, **kwargs)

    def evaluation_outputs(self, *args):
        self.traces["evaluation"] += 1
        return self._task.evaluation_outputs(*args)


def batches(count):
    rng = np.random.default_rng(0)
    shape = (count * ROWS, SEQ_LEN)
    values = {
        "input_k": rng.integers(0, 40, shape).astype(np.int32),
        "seg_id": np.zeros(shape, np.int32),
        "perm_mask": (rng.random((*shape, SEQ_LEN)) < 0.3).astype(np.float32),
        "target_positions": np.tile(np.array([1, 3, 6], np.int32), (shape[0], 1)),
        "target": rng.integers(0, 40, (shape[0], NUM_PREDICT)).astype(np.int32),
        "target_mask": np.ones((shape[0], NUM_PREDICT), np.float32),
        "continues": np.ones(shape[0], bool),
        "is_real_example": np.ones(shape[0], np.int64),
    }
    return tf.data.Dataset.from_tensor_slices(values).batch(ROWS, drop_remainder=True)


@pytest.fixture
def make_steps(tiny_model, tiny_options):
    options = dataclasses.replace(
        tiny_options, mem_len=MEM_LEN, reuse_len=REUSE_LEN, bi_data=True, dropout=0.1
    )
    config = TrainingConfig(batch_size=ROWS, train_steps=100, learning_rate=1e-3)

    def make(**kwargs):
        task = CountedTask(PretrainingTask(tiny_model, options), **kwargs)
        strategy = tf.distribute.get_strategy()
        model = task.build_model()
        names = [variable.name for variable in model.trainable_variables]
        optimizer = optimization.make_optimizer(config, names)
        optimizer.build(model.trainable_variables)
        train = TrainSteps(
            task=task,
            model=model,
            optimizer=optimizer,
            state=CarriedState(task.initial_state(ROWS), strategy),
            config=config,
            strategy=strategy,
            jit_compile=True,
        )
        return task, train, Evaluation(task=task, model=model, strategy=strategy, jit_compile=True)

    return make


def test_steps_compile_once(make_steps):
    task, train, evaluation = make_steps()
    iterator = iter(batches(6))
    # Loops of different lengths, and of steps whose memory comes from other places.
    results = [train.run(iterator, 1), train.run(iterator, 3), train.run(iterator, 2)]
    assert all(np.isfinite(list(result.values())).all() for result in results)
    for _ in range(2):
        metrics = evaluation.metrics(lambda share: batches(3), batch_size=ROWS)
        assert np.isfinite(metrics["loss"])
    # A shape that is not static, or differs between steps, would be traced and compiled again.
    assert task.traces == {"training": 1, "evaluation": 1}


def test_a_step_that_calls_the_host_does_not_compile(make_steps):
    _, train, _ = make_steps(calls_host=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="EagerPyFunc"):
        train.run(iter(batches(1)), 1)
