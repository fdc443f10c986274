"""Formulas for the parameters, floating point operations and memory of a training step.

Nothing is run. A multiplication and its addition count as 2 operations. Only matrix products are
counted, and a training step counts as three forward passes (forward, gradient of inputs, gradient
of kernels). The result is the minimal work for a step: position encodings are projected once, each
query is scored against its S keys, and the query stream runs only at the predicted positions.
"""

from __future__ import annotations

import dataclasses

from components.modeling.config import ModelOptions, XLNetConfig

_TRAIN_PASSES = 3
_ADAM_SLOTS = 2
_WIDE_BYTES = {"float32": 4, "bfloat16": 4, "float64": 8}
# Memory of a TPU that holds the instructions of one layer, forward and backward.
_LAYER_CODE_BYTES = 17 << 20
_COMPUTE_BYTES = {"float32": 4, "bfloat16": 2, "float64": 8}


@dataclasses.dataclass(frozen=True)
class Workload:
    """What a replica computes in a step.

    Attributes:
        task: "classification", "regression", "multiple_choice", "question_answering" or
            "pretraining".
        batch_size: rows per replica, or per micro-batch if there are several in a step.
        seq_len: number of tokens per sequence (T).
        num_predict: number of predicted positions per row; only for pretraining.
        num_outputs: number of classes; only for classification.
        num_choices: number of sequences per row; only for multiple choice.
        tie_weight: whether the language model's output layer shares the word embeddings.
        micro_batches: number of micro-batches that a replica computes one after the other in a
            step.
    """

    task: str
    batch_size: int
    seq_len: int
    num_predict: int = 0
    num_outputs: int = 2
    num_choices: int = 1
    tie_weight: bool = True
    micro_batches: int = 1

    def __post_init__(self) -> None:
        tasks = (
            "classification",
            "regression",
            "multiple_choice",
            "question_answering",
            "pretraining",
        )
        if self.task not in tasks:
            raise ValueError(f"task must be one of {list(tasks)}, not {self.task!r}")
        if self.batch_size < 1 or self.seq_len < 1:
            raise ValueError(
                f"batch_size and seq_len must be at least 1, not {self.batch_size} and "
                f"{self.seq_len}"
            )
        if self.task == "pretraining" and not 0 < self.num_predict <= self.seq_len:
            raise ValueError(
                f"pretraining needs num_predict in 1…seq_len ({self.seq_len}), not "
                f"{self.num_predict}"
            )

    @classmethod
    def of_labels(cls, task: str, *, num_labels: int, batch_size: int, seq_len: int) -> Workload:
        """Returns the workload of a task with labels, or of regression.

        Args:
            task: "classification", "regression" or "multiple_choice".
            num_labels: number of classes or options; unused for regression.
            batch_size: rows per replica.
            seq_len: number of tokens per sequence.
        """
        return cls(
            task=task,
            batch_size=batch_size,
            seq_len=seq_len,
            num_outputs=num_labels if task == "classification" else 1,
            num_choices=num_labels if task == "multiple_choice" else 1,
        )

    @property
    def sequences(self) -> int:
        """Number of sequences that go through the encoder together."""
        return self.batch_size * self.num_choices


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a training step costs on one replica.

    Attributes:
        parameters: number of trainable parameters.
        train_flops: floating point operations of forward and backward pass.
        weight_bytes: memory of the variables.
        gradient_bytes: memory of their gradients; with micro-batches, of their sum so far, too.
        optimizer_bytes: memory of Adam's two moments.
        activation_bytes: memory of what is kept for the backward pass.
        working_bytes: memory of what the backward pass of a layer computes with; on accelerators,
            with that of the program.
    """

    parameters: int
    train_flops: int
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    activation_bytes: int
    working_bytes: int

    @property
    def temporary_bytes(self) -> int:
        """Memory of activations and gradients at the peak.

        It is less than their sum: while the backward pass makes the gradients, the activations that
        they are made of give up their places.
        """
        summed_before = self.gradient_bytes - self.weight_bytes
        kept = max(self.activation_bytes + summed_before, self.gradient_bytes)
        return kept + self.working_bytes

    @property
    def total_bytes(self) -> int:
        """Memory of weights, optimizer, activations and gradients at the peak."""
        return self.weight_bytes + self.optimizer_bytes + self.temporary_bytes


def encoder_parameters(config: XLNetConfig) -> int:
    """Returns the number of trainable parameters of the encoder, including `mask_emb`."""
    heads = config.n_head * config.d_head
    attention = 5 * config.d_model * heads + 2 * config.d_model
    dense = 2 * config.d_model * config.d_inner + config.d_inner + config.d_model
    per_layer = attention + dense + 2 * config.d_model + 2 * heads  # The last term is seg_embed.
    biases = 3 * heads * (config.n_layer if config.untie_r else 1)
    return config.n_token * config.d_model + config.d_model + config.n_layer * per_layer + biases


def parameters(config: XLNetConfig, workload: Workload) -> int:
    """Returns the number of trainable parameters of the task's model."""
    width = config.d_model
    if workload.task == "pretraining":
        head = config.n_token + (0 if workload.tie_weight else config.n_token * width)
    elif workload.task == "question_answering":
        start, ends = width + 1, (2 * width * width + width) + 2 * width + (width + 1)
        answerable = (2 * width * width + width) + width
        head = start + ends + answerable
    else:
        outputs = workload.num_outputs if workload.task == "classification" else 1
        head = width * width + width + (width + 1) * outputs
    return encoder_parameters(config) + head


def forward_flops(config: XLNetConfig, options: ModelOptions, workload: Workload) -> int:
    """Returns the floating point operations of a forward pass on one replica."""
    width, heads = config.d_model, config.n_head * config.d_head
    key_len = options.mem_len + workload.seq_len
    rows = workload.sequences * workload.seq_len
    key_rows = workload.sequences * key_len
    predicted = workload.batch_size * workload.num_predict
    queries = rows + predicted
    per_layer = (
        2 * width * heads * (2 * queries + 2 * key_rows)  # q and o; k and v
        + 2 * width * heads * (workload.seq_len + key_len)  # position encodings
        + 3 * 2 * heads * key_len * queries  # content scores, position scores, weighted sum
        + 2 * 2 * width * config.d_inner * queries
    )
    if workload.task == "pretraining":
        head = 2 * width * config.n_token * predicted
    elif workload.task == "question_answering":
        # For the ends, both halves of the first layer; for answerability, one vector per row.
        head = 2 * width * (rows * (width + 2) + workload.batch_size * (3 * width + 1))
    else:
        head = 2 * width * workload.sequences * (width + workload.num_outputs)
    return config.n_layer * per_layer + head


def layer_bytes(config: XLNetConfig, options: ModelOptions, workload: Workload) -> int:
    """Returns the bytes that one layer keeps from the forward to the backward pass."""
    width, heads = config.d_model, config.n_head * config.d_head
    key_len = options.mem_len + workload.seq_len
    queries = workload.sequences * (workload.seq_len + workload.num_predict)
    key_rows = workload.sequences * key_len
    probabilities = config.n_head * queries * key_len
    numbers = 2 * key_rows * heads
    if options.program == "accelerator":
        # 4 widths: input, both residual sums, and the output of the first normalisation. Twice the
        # heads: the queries, and the result of the attention. Dropout is drawn again, and the
        # compiler computes the values after the activation again.
        numbers += queries * (4 * width + 2 * heads + config.d_inner)
        numbers += probabilities
    else:
        # 6 widths: input, residual sums, and outputs of the two normalisations. 4 times the heads:
        # the queries with both biases, and the result of the attention. 2 inner widths: the values
        # before and after the activation.
        numbers += queries * (6 * width + 4 * heads + 2 * config.d_inner)
        directions = 2 if options.bi_data else 1
        numbers += directions * (workload.seq_len + key_len - 1) * heads
        # Before and after dropout.
        numbers += 2 * probabilities
    return numbers * _COMPUTE_BYTES[options.compute_dtype]


def working_bytes(config: XLNetConfig, options: ModelOptions, workload: Workload) -> int:
    """Returns the bytes with which the backward pass of one layer computes."""
    if options.program != "accelerator":
        # As much as the layer kept.
        return layer_bytes(config, options, workload)
    # Scores, probabilities, and their gradients before and after dropout, in the dtype of the
    # softmax, and the instructions, of which each layer has its own.
    queries = workload.sequences * (workload.seq_len + workload.num_predict)
    scores = config.n_head * queries * (options.mem_len + workload.seq_len)
    return 4 * scores * _WIDE_BYTES[options.compute_dtype] + config.n_layer * _LAYER_CODE_BYTES


def activation_bytes(config: XLNetConfig, options: ModelOptions, workload: Workload) -> int:
    """Returns the bytes that are kept from the forward to the backward pass on one replica."""
    width = config.d_model
    queries = workload.sequences * (workload.seq_len + workload.num_predict)
    compute_bytes = _COMPUTE_BYTES[options.compute_dtype]
    kept = config.n_layer * layer_bytes(config, options, workload)
    if options.rematerialize:
        layer_input = queries * width * compute_bytes
        kept = config.n_layer * layer_input + layer_bytes(config, options, workload)
    head = 0
    if workload.task == "pretraining":
        # Logits, their softmax, and its gradient, in the dtype of the variables.
        head = 3 * workload.batch_size * workload.num_predict * config.n_token
    mems = config.n_layer * workload.batch_size * options.mem_len * width
    return kept + mems * compute_bytes + head * _WIDE_BYTES[options.compute_dtype]


def training_cost(config: XLNetConfig, options: ModelOptions, workload: Workload) -> Cost:
    """Returns the cost of a training step with Adam on one replica.

    Rematerialisation adds a forward pass.
    """
    count = parameters(config, workload)
    size = count * _WIDE_BYTES[options.compute_dtype]
    passes = _TRAIN_PASSES + (1 if options.rematerialize else 0)
    return Cost(
        parameters=count,
        train_flops=passes * workload.micro_batches * forward_flops(config, options, workload),
        weight_bytes=size,
        # With micro-batches, both the sum so far and the next summand are in memory.
        gradient_bytes=size * (1 if workload.micro_batches == 1 else 2),
        optimizer_bytes=_ADAM_SLOTS * size,
        activation_bytes=activation_bytes(config, options, workload),
        working_bytes=working_bytes(config, options, workload),
    )
