"""Connections that stay open for the answer if the client has closed its half.

A client may close its half of a connection after its request (RFC 9112, section 9.6). With aiohttp
alone, asyncio then closes the other half at once, and the answer is lost.
"""

from __future__ import annotations

import asyncio

from aiohttp import web


class Connection(asyncio.Protocol):
    """Passes everything on to aiohttp, except that the client has closed its half.

    Args:
        handler: aiohttp's protocol object for one connection.
        seconds: how long the answer may take after the client has closed its half.

    Attributes:
        ended: event that is set when the client has closed its half.
    """

    def __init__(self, handler: asyncio.Protocol, *, seconds: float) -> None:
        self._handler = handler
        self._seconds = seconds
        self._transport: asyncio.BaseTransport | None = None
        self._owes_answer = False
        self.ended = asyncio.Event()

    @classmethod
    def of(cls, request: web.BaseRequest) -> Connection | None:
        """Returns the connection of a request; None if it has another one, as in some tests."""
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
        """Keeps the connection open if an answer is still due."""
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
        """Closes the connection after the answer if the client has closed its half.

        This is a handler for aiohttp's signal `Application.on_response_prepare`.
        """
        connection = Connection.of(request)
        if connection is None:
            return
        connection._owes_answer = False
        if connection.ended.is_set():
            response.force_close()
