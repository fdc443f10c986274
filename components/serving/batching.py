"""Runs requests that are waiting at the same time together, as one batch."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components.serving.rest import PredictRequest

Outputs = dict[str, np.ndarray]
# A model: takes a signature's name and its inputs, and returns its outputs; this call blocks.
Run = Callable[[str, Mapping[str, np.ndarray]], Outputs]


class OverloadedError(RuntimeError):
    """More requests are waiting than the server accepts."""


@dataclasses.dataclass(frozen=True)
class BatchingConfig:
    """How requests are combined into batches.

    Attributes:
        max_batch_rows: largest number of rows in a batch; a larger request is a batch of its own.
        max_wait_seconds: how long the first request of a batch waits for others.
        max_waiting_rows: largest number of rows that may be waiting; further ones are refused.
    """

    max_batch_rows: int = 64
    max_wait_seconds: float = 0.003
    max_waiting_rows: int = 4096


@dataclasses.dataclass
class _Waiting:
    run: Run
    request: PredictRequest
    result: asyncio.Future[Outputs]

    def is_like(self, other: _Waiting) -> bool:
        """Whether both may be in one batch: of the same version of the model, to begin with."""
        return self.run == other.run and self.request.signature == other.request.signature


class Batcher:
    """Runs requests in batches.

    Only one batch runs at a time, since the model uses all cores by itself.

    Args:
        config: how requests are combined.
    """

    def __init__(self, config: BatchingConfig) -> None:
        self._config = config
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._waiting_rows = 0
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="model")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts to run requests; must be called inside the event loop."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stops; requests that have not been answered by now will not be answered any more.

        The batch that the model is running cannot be stopped; this does not wait for its end, which
        may be minutes away.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False)

    async def submit(self, run: Run, request: PredictRequest) -> Outputs:
        """Returns the outputs for a request, once its batch has been run.

        Args:
            run: the model that the request was checked against.
            request: what to answer.

        Raises:
            OverloadedError: if too many rows are waiting already.
            PredictionError: if the model refuses the inputs.
        """
        if self._waiting_rows + request.num_rows > self._config.max_waiting_rows:
            raise OverloadedError(f"{self._waiting_rows} rows are waiting; try again later")
        waiting = _Waiting(run, request, asyncio.get_running_loop().create_future())
        self._waiting_rows += request.num_rows
        self._queue.put_nowait(waiting)
        return await waiting.result

    async def _work(self) -> None:
        held: _Waiting | None = None
        while True:
            held = await self._answer_from(held or await self._take())

    async def _answer_from(self, first: _Waiting) -> _Waiting | None:
        """Answers a batch that begins with a request; returns one that did not fit into it, if any.

        Nothing refers to the batch once this returns: each request holds the model that answers it,
        which should leave the memory when a newer version has taken over.
        """
        batch, rows = [first], first.request.num_rows
        held: _Waiting | None = None
        deadline = asyncio.get_running_loop().time() + self._config.max_wait_seconds
        while rows < self._config.max_batch_rows:
            following = await self._take_until(deadline)
            if following is None:
                break
            size = following.request.num_rows
            if not following.is_like(first) or rows + size > self._config.max_batch_rows:
                held = following
                break
            batch.append(following)
            rows += size
        await self._answer(batch)
        return held

    async def _take(self) -> _Waiting:
        """Returns the next request whose client has not given up."""
        while True:
            waiting = await self._queue.get()
            self._waiting_rows -= waiting.request.num_rows
            if not waiting.result.done():
                return waiting

    async def _take_until(self, deadline: float) -> _Waiting | None:
        """Returns the next request that arrives before the deadline; None if there is none.

        A request that is waiting already is returned even after the deadline.
        """
        left = deadline - asyncio.get_running_loop().time()
        if self._queue.empty() and left <= 0:
            return None
        try:
            # If a request is waiting already, this returns at once.
            return await asyncio.wait_for(self._take(), max(left, 0.001))
        except asyncio.TimeoutError:
            return None

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            outputs = await self._call(batch[0].run, [waiting.request for waiting in batch])
        except Exception as error:
            if len(batch) == 1:
                if not batch[0].result.done():
                    batch[0].result.set_exception(error)
                return
            # One of the requests may be to blame, which should not affect the others.
            for waiting in batch:
                await self._answer([waiting])
            return
        begin = 0
        for waiting in batch:
            end = begin + waiting.request.num_rows
            if not waiting.result.done():
                waiting.result.set_result(
                    {name: value[begin:end] for name, value in outputs.items()}
                )
            begin = end

    async def _call(self, run: Run, requests: Sequence[PredictRequest]) -> Outputs:
        inputs = {
            name: np.concatenate([request.inputs[name] for request in requests])
            for name in requests[0].inputs
        }
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, run, requests[0].signature, inputs
        )
