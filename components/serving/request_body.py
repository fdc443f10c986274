"""Reads the body of a request in bounded memory and bounded time, and decompresses it."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web

from components.serving.connection import Connection
from components.serving.rest import RequestError

# Values of `wbits` for Python's zlib: data with a gzip header, with a zlib header, and without any.
_GZIP_BITS = zlib.MAX_WBITS | 16
_ZLIB_BITS = zlib.MAX_WBITS
_BARE_BITS = -zlib.MAX_WBITS
# Values of Content-Encoding (RFC 9110, section 8.4.1).
_GZIP = {"gzip", "x-gzip"}
_DEFLATE = {"deflate"}
_PLAIN = {"", "identity"}
# How long to wait, after the client has closed its half of the connection, until the data that
# arrived before that have been processed.
_SECONDS_TO_FINISH = 1.0
_ENDED_EARLY = "the connection ended before the body did"


async def read(
    request: web.Request, *, max_bytes: int, seconds: float, ending: asyncio.Event
) -> bytes:
    """Reads and decompresses the body of a request.

    Args:
        request: the request; aiohttp must not decompress its body.
        max_bytes: largest size of the body, both compressed and decompressed.
        seconds: how long the body may take to arrive.
        ending: event that is set when the server stops, which does not wait for incomplete bodies.

    Raises:
        RequestError: if the body is damaged, or ended too early.
        web.HTTPException: with status 408 if the body did not arrive in time, 413 if it is too
            large, 415 if it is compressed in another way, and 503 if the server stops.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _GZIP | _DEFLATE | _PLAIN:
        raise web.HTTPUnsupportedMediaType(
            text=f"Content-Encoding {encoding!r} is not understood; gzip and deflate are"
        )
    body = await _arrived(request, max_bytes, seconds, ending)
    if encoding in _PLAIN:
        return body
    return decompress(body, is_gzip=encoding in _GZIP, max_bytes=max_bytes)


def decompress(body: bytes, *, is_gzip: bool, max_bytes: int) -> bytes:
    """Decompresses gzip data, with any number of members, or what HTTP calls deflate.

    Args:
        body: the compressed data.
        is_gzip: whether the data are gzip. Otherwise they are in zlib's format, or bare deflate
            data, which some clients send.
        max_bytes: largest size of the content; decompression stops as soon as it is exceeded.

    Raises:
        RequestError: if the data are damaged or cut off.
        web.HTTPRequestEntityTooLarge: if the content is larger than `max_bytes`.
    """
    bits = _GZIP_BITS if is_gzip else _ZLIB_BITS if _has_zlib_header(body) else _BARE_BITS
    parts: list[bytes] = []
    size = 0
    left = body
    while left or not parts:
        decoder = zlib.decompressobj(bits)
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


def _has_zlib_header(body: bytes) -> bool:
    """Checks for compression method 8 and the checksum of two bytes (RFC 1950, section 2.2)."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


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
            try:
                return reading.result()
            except OSError as error:
                raise RequestError(_ENDED_EARLY) from error
        if has_ended:
            raise RequestError(_ENDED_EARLY)
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
