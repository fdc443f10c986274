"""A connection whose client may stop sending, or stop reading, at any time.

A client may close its half of a connection after its requests (RFC 9112, section 9.6). With aiohttp
alone, asyncio then closes the other half at once, and the answers are lost. A client that never
reads its answer, in turn, would keep it in memory for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from components.serving import error_answer

# After the client has closed its half, the other half is closed once no request was in progress for
# this long. The next of several requests begins right after the answer to the one before it.
_IDLE_AT_END_SECONDS = 0.1


class Connection(web.RequestHandler):
    """The server's side of one connection.

    Args:
        manager: aiohttp's server.
        seconds: after how long a connection is closed if the client reads nothing of an answer.
        settings: further arguments of aiohttp's class.

    Attributes:
        ended: event that is set when the client has closed its half.
    """

    def __init__(self, manager: web.Server, *, seconds: float, **settings: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **settings)
        self._reading_seconds = seconds
        self._asyncio_transport: asyncio.Transport | None = None
        self._is_answering = False
        self._closing: asyncio.TimerHandle | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self.ended = asyncio.Event()

    @classmethod
    def of(cls, request: web.BaseRequest) -> Connection | None:
        """Returns the connection of a request; None if it has another one, as in some tests."""
        return request.protocol if isinstance(request.protocol, cls) else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        # aiohttp forgets its own reference before everything has been sent.
        self._asyncio_transport = transport
        super().connection_made(transport)

    def eof_received(self) -> bool:
        """Keeps the other half open for the answers that are still due."""
        self.ended.set()
        self._close_when_idle()
        return True

    def connection_lost(self, error: BaseException | None) -> None:
        """See `asyncio.Protocol`."""
        for timer in (self._closing, self._giving_up):
            if timer is not None:
                timer.cancel()
        super().connection_lost(error)

    def pause_writing(self) -> None:
        """Starts to watch whether the client reads on."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        super().resume_writing()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers what no handler has seen, such as a malformed request, like other errors."""
        if status >= 500 or request.writer.output_size:
            return super().handle_error(request, status, exc, message)
        answer = error_answer.of(status, f"malformed request: {message}")
        answer.force_close()
        return answer

    @staticmethod
    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Tells the connection of each request when it is being answered."""
        connection = Connection.of(request)
        if connection is None:
            return await handler(request)
        connection._is_answering = True
        try:
            return await handler(request)
        finally:
            connection._is_answering = False
            connection._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        if self.ended.is_set():
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(_IDLE_AT_END_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._is_answering:
            self._asyncio_transport.close()

    def _watch_reading(self) -> None:
        left = self._asyncio_transport.get_write_buffer_size()
        loop = asyncio.get_running_loop()
        self._giving_up = loop.call_later(self._reading_seconds, self._give_up_unless_below, left)

    def _give_up_unless_below(self, left: int) -> None:
        if self._asyncio_transport.get_write_buffer_size() < left:
            self._watch_reading()
        else:
            self._asyncio_transport.abort()
