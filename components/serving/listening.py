"""Runs the web application in a process: binds the address, handles signals, and shuts down."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

from aiohttp import web

from components.serving.connection import Connection

# If an answer is sent before the end of the body, the rest of the body is read and discarded for
# this long. Otherwise, the client might not see the answer.
_LINGERING_SECONDS = 3.0
# How long a connection may be without a request, or with incomplete headers. Most clients do not
# keep idle connections for this long.
_IDLE_SECONDS = 75.0
_MAX_PORT = 65_535


class AddressError(OSError):
    """This process cannot listen on an address; the message says why."""


def address(host: str, port: int) -> str:
    """Returns the place to listen on as URLs have it: IPv6 addresses stand in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def port_of(sockets: Sequence[socket.socket]) -> int:
    """Returns the port of bound sockets, which the system has chosen if 0 was asked for."""
    return sockets[0].getsockname()[1]


@contextlib.contextmanager
def bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Binds sockets to all addresses of a host, without listening yet; closes them after the block.

    Raises:
        AddressError: if an address is not available; the message says what to do.
    """
    if not 0 <= port <= _MAX_PORT:
        raise AddressError(f"Cannot listen on {address(host, port)}: ports are 0 to {_MAX_PORT}.")
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets: list[socket.socket] = []
            for family, kind, protocol, _, found_address in dict.fromkeys(found):
                if sockets:
                    # If the system chose the port (0), it should be the same for all addresses.
                    found_address = (found_address[0], port_of(sockets), *found_address[2:])
                sock = stack.enter_context(socket.socket(family, kind, protocol))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    # Otherwise this socket would occupy the port for IPv4 as well.
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(found_address)
                sockets.append(sock)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            hint = "End the program that has it, or give another --port."
            if not in_use:
                hint = "Give another --host or --port."
            raise AddressError(
                f"Cannot listen on {address(host, port)}: {reason}. {hint}"
            ) from error
        yield sockets


def run(app: web.Application, sockets: Sequence[socket.socket], *, seconds: float) -> None:
    """Serves an application until SIGINT or SIGTERM; for the arguments see `serving`.

    After the first signal, the next one does what it did before this call, which should be to end
    the process at once.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async def until_asked() -> None:
        is_over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
            is_over.set()

        for number in before:
            loop.add_signal_handler(number, end)
        async with serving(app, sockets, seconds=seconds):
            await is_over.wait()

    try:
        asyncio.run(until_asked())
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("Requests that were still being answered are lost.") from error


@contextlib.asynccontextmanager
async def serving(
    app: web.Application, sockets: Sequence[socket.socket], *, seconds: float
) -> AsyncIterator[None]:
    """Serves an application for as long as the block runs.

    Args:
        app: the application, which must not be used for anything else.
        sockets: bound sockets to listen on.
        seconds: how long complete requests may take to be answered after the end of the block, and
            how long a client may read nothing of its answer.
    """
    app.middlewares.insert(0, Connection.middleware)
    runner = web.AppRunner(app, shutdown_timeout=seconds)
    await runner.setup()

    def connect() -> Connection:
        return Connection(
            runner.server,
            seconds=seconds,
            access_log=None,
            # `request_body` decompresses bodies instead, in bounded memory.
            auto_decompress=False,
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=_LINGERING_SECONDS,
        )

    loop = asyncio.get_running_loop()
    listeners = [await loop.create_server(connect, sock=sock) for sock in sockets]
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()
        await runner.cleanup()
