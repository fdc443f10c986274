"""What happens beside the updates, as small objects: each says when it wants to act, and acts.

The loop stops where an action is due and knows nothing else of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands after a stretch of updates.

    Attributes:
        step: updates made so far.
        total_steps: updates of the whole run.
        loss: mean over the stretch.
        gradient_norm: largest of the stretch, before clipping.
        learning_rate: of the last update.
        examples_per_second: over the stretch, saving and evaluating excluded.
        memory_bytes: most that was taken so far, of a GPU or of this process.
        model_flops_utilization: share of the hardware's most operations per second that the
            model's products alone make up; None where one of the two is not known.
        updates: of the stretch.
    """

    step: int
    total_steps: int
    loss: float
    gradient_norm: float
    learning_rate: float
    examples_per_second: float
    memory_bytes: int = 0
    model_flops_utilization: float | None = None
    updates: int = 1


def joined(stretches: Sequence[Progress]) -> Progress:
    """Several stretches, one after the other, as one."""
    if len(stretches) == 1:
        return stretches[0]
    last = stretches[-1]
    updates = sum(each.updates for each in stretches)
    # For as many examples as a batch has.
    seconds = sum(each.updates / each.examples_per_second for each in stretches)
    speed = updates / seconds
    utilized = last.model_flops_utilization
    if utilized is not None:
        utilized *= speed / last.examples_per_second
    return dataclasses.replace(
        last,
        loss=sum(each.loss * each.updates for each in stretches) / updates,
        gradient_norm=max(each.gradient_norm for each in stretches),
        examples_per_second=speed,
        model_flops_utilization=utilized,
        updates=updates,
    )


class Action(Protocol):
    """Something to do at certain updates."""

    def is_due(self, step: int) -> bool:
        """Whether the loop should stop after this update and call `act`."""

    def act(self, progress: Progress) -> None:
        """Does it."""


@dataclasses.dataclass(frozen=True)
class Every:
    """Acts at every `interval`-th update and after the last one.

    Attributes:
        interval: in updates.
        total_steps: of the run.
        function: what to do.
    """

    interval: int
    total_steps: int
    function: Callable[[Progress], None]

    def is_due(self, step: int) -> bool:
        """True at multiples of the interval and at the end."""
        return step % self.interval == 0 or step == self.total_steps

    def act(self, progress: Progress) -> None:
        """Calls the function."""
        self.function(progress)
