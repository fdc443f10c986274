"""Side activities of the training loop, such as saving and evaluating, as small objects.

Each action says after which updates it is due, and then acts. The loop stops at those updates and
knows nothing else about its actions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from components.trainer.config import TrainingConfig


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands after a stretch, that is, the updates of one call of the compiled loop.

    Attributes:
        step: number of updates made so far.
        total_steps: number of updates of the whole run.
        loss: mean loss over the stretch.
        gradient_norm: largest gradient norm of the stretch, before clipping.
        learning_rate: learning rate of the last update.
        examples_per_second: speed over the stretch, excluding saving and evaluating.
        memory_bytes: peak memory so far, of the GPU or, without one, of this process.
        model_flops_utilization: fraction of the hardware's peak operations per second that the
            matrix products of the model account for; None if either number is unknown.
        updates: number of updates in the stretch.
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
    """Combines consecutive stretches into one."""
    if len(stretches) == 1:
        return stretches[0]
    last = stretches[-1]
    updates = sum(each.updates for each in stretches)
    # Divided by the batch size, which is the same for all stretches and cancels in the next line.
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
    """Something that the loop does after certain updates."""

    def is_due(self, step: int) -> bool:
        """Whether the loop should stop after this update and call `act`."""

    def act(self, progress: Progress) -> None:
        """Performs the action."""


@dataclasses.dataclass(frozen=True)
class Every:
    """Acts at every `interval`-th update and after the last one.

    Attributes:
        interval: number of updates between two calls.
        total_steps: number of updates of the whole run.
        function: called with the progress whenever the action is due.
    """

    interval: int
    total_steps: int
    function: Callable[[Progress], None]

    def is_due(self, step: int) -> bool:
        """Returns True at multiples of the interval and after the last update."""
        return step % self.interval == 0 or step == self.total_steps

    def act(self, progress: Progress) -> None:
        """Calls the function."""
        self.function(progress)


def next_stop(step: int, config: TrainingConfig, actions: Sequence[Action], *, longest: int) -> int:
    """Returns the next update after which the loop has to stop.

    That is the first update at which an action is due, or else the end of the current loop. Loops
    end at multiples of their length, no matter where a run was resumed.
    """
    loop_end = (step // config.steps_per_loop + 1) * config.steps_per_loop
    limit = min(loop_end, config.train_steps, step + longest)
    for candidate in range(step + 1, limit):
        if any(action.is_due(candidate) for action in actions):
            return candidate
    return limit
