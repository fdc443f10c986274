"""Lets pages of other origins call the server (CORS), if they are named when it starts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

# A scheme, a host and possibly a port, as browsers send them in the header Origin.
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")
_ANY = "*"
# How long a browser may remember what it was told, in seconds.
_MAX_AGE = "600"
# The header with the number of predicted rows, which pages may read.
ROW_COUNT = "X-Row-Count"


def check(origins: Sequence[str]) -> None:
    """Raises a ValueError unless all are "*" or origins such as `https://shop.example`."""
    for origin in origins:
        if origin != _ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no origin; write the scheme and the host as the browser does, such "
                'as https://shop.example, in lower case and without a path, or "*" for all.'
            )


def middleware(
    origins: Sequence[str],
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Returns a middleware that allows requests of these origins, and answers preflights.

    Args:
        origins: the origins; "*" stands for all. Requests of other origins are answered without
            the headers, so that their pages cannot read the answer.
    """
    check(origins)

    @web.middleware
    async def allow(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        is_allowed = origin != "" and (_ANY in origins or origin in origins)
        if is_allowed and request.method == "OPTIONS":
            response: web.StreamResponse = web.Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, POST",
                    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding",
                    "Access-Control-Max-Age": _MAX_AGE,
                },
            )
        else:
            response = await handler(request)
        if is_allowed:
            response.headers["Access-Control-Allow-Origin"] = _ANY if _ANY in origins else origin
            response.headers["Access-Control-Expose-Headers"] = ROW_COUNT
        response.headers["Vary"] = "Origin"
        return response

    return allow
