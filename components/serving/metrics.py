"""Counts what a server does, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import prometheus_client
from aiohttp import web

# The format that `render` writes (Prometheus' text format).
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
_OTHER = "other"


class Metrics:
    """Counters of one server.

    The addresses of requests are counted by the pattern of their route, so that a client cannot
    make as many counters as it likes.
    """

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        self._requests = prometheus_client.Counter(
            "xlnet_requests",
            "Requests that were answered, by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = prometheus_client.Histogram(
            "xlnet_request_seconds",
            "Time from a request's headers to its answer, by route.",
            ["route"],
            registry=self._registry,
        )
        self._rows = prometheus_client.Counter(
            "xlnet_predicted_rows", "Rows that were predicted.", registry=self._registry
        )
        self._version = prometheus_client.Gauge(
            "xlnet_model_version", "Version of the model that is served.", registry=self._registry
        )

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Counts a request; it stands before the middleware that turns errors into answers."""
        began = time.monotonic()
        response = await handler(request)
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else _OTHER
        # The method is the client's word, too.
        method = request.method if resource is not None else _OTHER
        self._requests.labels(method, route, str(response.status)).inc()
        self._seconds.labels(route).observe(time.monotonic() - began)
        return response

    def count_rows(self, number: int) -> None:
        """Counts rows that were predicted."""
        self._rows.inc(number)

    def render(self, *, version: int) -> bytes:
        """Returns all metrics in Prometheus' text format.

        Args:
            version: version of the model that is served.
        """
        self._version.set(version)
        return prometheus_client.generate_latest(self._registry)
