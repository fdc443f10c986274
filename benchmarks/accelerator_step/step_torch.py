"""Runs Hugging Face's step of the same sizes through PyTorch, eager or compiled."""

from __future__ import annotations

import torch
from cases import Case
from peer_hugging_face import make_model
from timing import report


def run(about: dict, steps: int, *, compiled: bool) -> None:
    """Makes the model on the GPU, or else on the CPU, and times it.

    Args:
        about: case and dtype, as `pack` wrote them.
        steps: number of steps in each round.
        compiled: whether `torch.compile` compiles the model.
    """
    has_gpu = torch.cuda.is_available()
    # As JAX and XLA multiply float32 on a GPU.
    torch.backends.cuda.matmul.allow_tf32 = True
    model = make_model(Case(**about["case"]), about["dtype"], "cuda" if has_gpu else "cpu")
    if compiled:
        model.model = torch.compile(model.model)
    report(
        f"Hugging Face, {'compiled' if compiled else 'eager'}",
        torch.cuda.get_device_name() if has_gpu else "cpu",
        model.update,
        float,
        steps,
    )
