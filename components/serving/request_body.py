"""Reads the body of a request: in bounded memory, and for a bounded time."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web

from components.serving.connection import Connection
from components.serving.rest import RequestError

# For zlib: gzip's or zlib's header, whichever there is, and no header at all.
_WITH_HEADER = zlib.MAX_WBITS | 32
_WITHOUT_HEADER = -zlib.MAX_WBITS
# What stands in Content-Encoding (RFC 9110, section 8.4.1).
_COMPRESSED = {"gzip", "x-gzip", "deflate"}
_PLAIN = {"", "identity"}
# For what arrived before the end of the connection to be looked at.
_SECONDS_TO_FINISH = 1.0


async def read(
    request: web.Request, *, max_bytes: int, seconds: float, ending: asyncio.Event
) -> bytes:
    """The body, decompressed.

    Args:
        request: whose body was not decompressed by aiohttp.
        max_bytes: of the body, compressed or not.
        seconds: that it may take to arrive.
        ending: set when the server ends, which waits for no body.

    Raises:
        RequestError: if it is damaged, or ended too early.
        web.HTTPException: 408 if it did not arrive in time, 413 if it is too large, 415 if it is
            compressed in another way, 503 if the server ends.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _COMPRESSED | _PLAIN:
        raise web.HTTPUnsupportedMediaType(
            text=f"Content-Encoding {encoding!r} is not understood; gzip and deflate are"
        )
    body = await _arrived(request, max_bytes, seconds, ending)
    return decompress(body, max_bytes=max_bytes) if encoding in _COMPRESSED else body


def decompress(body: bytes, *, max_bytes: int) -> bytes:
    """Content of gzip (its members one after the other), zlib or bare deflate data.

    Raises:
        RequestError: if it is damaged or cut off.
        web.HTTPRequestEntityTooLarge: if it is larger than `max_bytes`.
    """
    # The two low bits of zlib's and gzip's first byte: no bare deflate data that a compressor
    # writes for JSON begins with either header.
    has_header = body[:2] == b"\x1f\x8b" or (
        len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    )
    parts: list[bytes] = []
    size = 0
    left = body
    while left or not parts:
        decoder = zlib.decompressobj(_WITH_HEADER if has_header else _WITHOUT_HEADER)
        try:
            part = decoder.decompress(left, max_bytes + 1 - size)
        except zlib.error as error:
            raise RequestError(f"the body cannot be decompressed: {error}") from error
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if not decoder.eof:
            raise RequestError("the compressed body is cut off")
        parts.append(part)
        left = decoder.unused_data
    return b"".join(parts)


async def _arrived(
    request: web.Request, max_bytes: int, seconds: float, ending: asyncio.Event
) -> bytes:
    reading = asyncio.create_task(_bounded(request, max_bytes))
    connection = Connection.of(request)
    events = [asyncio.create_task(ending.wait())]
    if connection is not None:
        events.append(asyncio.create_task(connection.ended.wait()))
    try:
        await asyncio.wait([reading, *events], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        has_ended = connection is not None and connection.ended.is_set()
        if not reading.done() and has_ended:
            await asyncio.wait([reading], timeout=_SECONDS_TO_FINISH)
        if reading.done():
            return reading.result()
        if has_ended:
            raise RequestError("the connection ended before the body did")
        if ending.is_set():
            raise web.HTTPServiceUnavailable(text="the server ends")
        raise web.HTTPRequestTimeout(text=f"the body did not arrive within {seconds:g} s")
    finally:
        for task in (reading, *events):
            task.cancel()


async def _bounded(request: web.Request, max_bytes: int) -> bytes:
    if request.content_length is not None and request.content_length > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(
        max_size=max_bytes, text=f"the body is larger than the {max_bytes} bytes that are allowed"
    )
