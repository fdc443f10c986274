"""The form of all answers to requests that failed, which is TF Serving's."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web


def of(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Returns the answer with a status code that says what is wrong."""
    return web.json_response({"error": message}, status=status, headers=headers)
