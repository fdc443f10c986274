"""Hugging Face's training step (transformers on PyTorch), for an environment of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import contestant
import torch
import transformers
from cases import (
    DROPOUT,
    LEARNING_RATE,
    N_TOKEN,
    NUM_CLASSES,
    THREADS,
    Case,
    make_inputs,
)


@dataclasses.dataclass
class ModelInTraining:
    """A model in training.

    Attributes:
        model: called with `arguments`.
        optimizer: of its parameters.
        arguments: inputs, with labels.
        autocast: context of the forward pass.
    """

    model: Callable[..., Any]
    optimizer: torch.optim.Optimizer
    arguments: dict[str, Any]
    autocast: torch.autocast

    def update(self) -> torch.Tensor:
        """Makes one update and returns its loss, which may still be computed."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast:
            loss = self.model(**self.arguments).loss
        loss.backward()
        parameters = self.optimizer.param_groups[0]["params"]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        self.optimizer.step()
        return loss


def make_model(case: Case, dtype: str, device: str = "cpu") -> ModelInTraining:
    """Makes the model, its optimizer and its inputs.

    Args:
        case: sizes of the step.
        dtype: "float32", or "bfloat16" for autocast.
        device: PyTorch's name of the device.
    """
    torch.manual_seed(0)
    config = transformers.XLNetConfig(
        vocab_size=N_TOKEN,
        d_model=case.d_model,
        n_layer=case.n_layer,
        n_head=case.n_head,
        d_inner=case.d_inner,
        ff_activation="gelu_new",
        dropout=DROPOUT,
        mem_len=case.mem_len or None,
        reuse_len=case.reuse_len or None,
        bi_data=bool(case.num_predict),
        num_labels=NUM_CLASSES,
    )
    inputs = {name: torch.from_numpy(value).to(device) for name, value in make_inputs(case).items()}
    arguments = {
        "input_ids": inputs["input_ids"].long(),
        "token_type_ids": inputs["segment_ids"].long(),
    }
    if case.num_predict:
        model = transformers.XLNetLMHeadModel(config)
        arguments.update(
            perm_mask=inputs["perm_mask"],
            target_mapping=inputs["target_mapping"],
            labels=inputs["target"].long(),
            # This implementation has time-major memories.
            mems=[layer.transpose(0, 1).contiguous() for layer in inputs["mems"]],
            use_mems=True,
        )
    else:
        model = transformers.XLNetForSequenceClassification(config)
        arguments.update(input_mask=inputs["input_mask"], labels=inputs["label_ids"].long())
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    return ModelInTraining(
        model,
        optimizer,
        arguments,
        torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"),
    )


def make_step(case: Case, dtype: str) -> Callable[[], float]:
    """Makes a step of forward pass, backward pass, clipping and AdamW; bfloat16 uses autocast."""
    torch.set_num_threads(THREADS)
    model = make_model(case, dtype)
    return lambda: float(model.update())


if __name__ == "__main__":
    contestant.main(make_step)
