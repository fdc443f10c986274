"""Hugging Face's training step (transformers on PyTorch), for an environment of its own."""

from __future__ import annotations

from collections.abc import Callable

import contestant
import torch
import transformers
from cases import (
    D_INNER,
    D_MODEL,
    DROPOUT,
    LEARNING_RATE,
    N_HEAD,
    N_LAYER,
    N_TOKEN,
    NUM_CLASSES,
    THREADS,
    Case,
    make_inputs,
)


def make_step(case: Case, dtype: str) -> Callable[[], float]:
    """Makes a step of forward pass, backward pass, clipping and AdamW; bfloat16 uses autocast."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    config = transformers.XLNetConfig(
        vocab_size=N_TOKEN,
        d_model=D_MODEL,
        n_layer=N_LAYER,
        n_head=N_HEAD,
        d_inner=D_INNER,
        ff_activation="gelu_new",
        dropout=DROPOUT,
        mem_len=case.mem_len or None,
        reuse_len=case.reuse_len or None,
        bi_data=bool(case.num_predict),
        num_labels=NUM_CLASSES,
    )
    inputs = {name: torch.from_numpy(value) for name, value in make_inputs(case).items()}
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
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = model(**arguments).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return float(loss)

    return step


contestant.main(make_step)
