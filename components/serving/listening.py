"""The process's side of the server: its address, its signals, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

from aiohttp import web

from components.serving.connection import Connection

# After an answer before the body's end, for the client to see that answer: the rest is read and
# thrown away.
_LINGERING_SECONDS = 3.0
# A connection without a request, or with half of one's headers. Longer than most clients keep
# connections for later.
_IDLE_SECONDS = 75.0
_MAX_PORT = 65_535


class AddressError(OSError):
    """An address on which this process cannot listen."""


@contextlib.contextmanager
def bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Sockets on all addresses of a host, to be listened on later; closed after the block.

    Raises:
        AddressError: naming the address and what to do.
    """
    if not 0 <= port <= _MAX_PORT:
        raise AddressError(f"Cannot listen on {host}:{port}: ports are 0 to {_MAX_PORT}.")
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = []
            for family, kind, protocol, _, address in dict.fromkeys(found):
                sock = stack.enter_context(socket.socket(family, kind, protocol))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    # Else it would take the IPv4 address of the same port too.
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(address)
                sockets.append(sock)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            hint = "End the program that has it, or give another --port."
            if not in_use:
                hint = "Give another --host or --port."
            raise AddressError(f"Cannot listen on {host}:{port}: {reason}. {hint}") from error
        yield sockets


def run(app: web.Application, sockets: Sequence[socket.socket], *, seconds: float) -> None:
    """Serves until SIGINT or SIGTERM; see `serving` for the arguments."""

    async def until_asked() -> None:
        is_over = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, is_over.set)
        async with serving(app, sockets, seconds=seconds):
            await is_over.wait()

    asyncio.run(until_asked())


@contextlib.asynccontextmanager
async def serving(
    app: web.Application, sockets: Sequence[socket.socket], *, seconds: float
) -> AsyncIterator[None]:
    """Serves while the block runs.

    Args:
        app: made for this call.
        sockets: bound.
        seconds: that requests which are complete have to be answered in when it ends.
    """
    app.on_response_prepare.append(Connection.close_after_answer)
    runner = web.AppRunner(
        app,
        access_log=None,
        # Bodies are decompressed in bounded memory by `request_body`.
        auto_decompress=False,
        keepalive_timeout=_IDLE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        shutdown_timeout=seconds,
    )
    await runner.setup()

    def connect() -> Connection:
        return Connection(runner.server(), seconds=_IDLE_SECONDS)

    loop = asyncio.get_running_loop()
    listeners = [await loop.create_server(connect, sock=sock) for sock in sockets]
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()
        await runner.cleanup()
