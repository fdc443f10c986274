"""A connection whose client may say that it sends no more, and still gets its answer.

A client is free to close its half of a connection after its request (RFC 9112, section 9.6).
aiohttp leaves it to asyncio to close the other half at once, and the answer is lost.
"""

from __future__ import annotations

import asyncio

from aiohttp import web


class Connection(asyncio.Protocol):
    """Hands everything to aiohttp but the end of what the client sends.

    Args:
        handler: aiohttp's protocol of one connection.
        seconds: how long an answer may take after that end.

    Attributes:
        ended: set when the client sends no more.
    """

    def __init__(self, handler: asyncio.Protocol, *, seconds: float) -> None:
        self._handler = handler
        self._seconds = seconds
        self._transport: asyncio.BaseTransport | None = None
        self._owes_answer = False
        self.ended = asyncio.Event()

    @classmethod
    def of(cls, request: web.BaseRequest) -> Connection | None:
        """The connection of a request; None if it came by another way, as in a test."""
        if not isinstance(request.transport, asyncio.Transport):
            return None
        protocol = request.transport.get_protocol()
        return protocol if isinstance(protocol, cls) else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._owes_answer = True
        self._handler.data_received(data)

    def eof_received(self) -> bool:
        """Keeps the connection open where an answer is due."""
        self.ended.set()
        if self._owes_answer and self._transport is not None:
            asyncio.get_running_loop().call_later(self._seconds, self._transport.close)
        return self._owes_answer

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._handler.connection_lost(error)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._handler.resume_writing()

    @staticmethod
    async def close_after_answer(request: web.BaseRequest, response: web.StreamResponse) -> None:
        """A signal for `Application.on_response_prepare`: after an end there is no next request."""
        connection = Connection.of(request)
        if connection is None:
            return
        connection._owes_answer = False
        if connection.ended.is_set():
            response.force_close()
