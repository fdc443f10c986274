"""A server for trying out a model, with TF Serving's REST interface and a web page.

It is meant for laptops and tests; in production, TF Serving can serve the same folder.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import importlib.resources
import io
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
from aiohttp import web

from components.example_gen.text_form import WrongFormatError
from components.export.signatures import SERVING_DEFAULT
from components.serving import (
    cross_origin,
    error_answer,
    form,
    listening,
    metrics,
    prediction_files,
    request_body,
    rest,
    text_rows,
)
from components.serving.batching import Batcher, BatchingConfig, OverloadedError
from components.serving.current_model import CurrentModel
from components.serving.metrics import Metrics
from components.serving.pushed_model import (
    ModelError,
    OutputError,
    PredictionError,
    PushedModel,
)
from components.serving.rest import Limits, PredictRequest, RequestError

_logger = logging.getLogger(__name__)

# The status of a model in TF Serving's words.
_AVAILABLE = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
# Status codes of answers that may be sent before the whole body was read.
_HALF_READ = (408, 413, 415, 503)
# What may be wrong with a file that a client sends.
_FILE_ERRORS = (
    WrongFormatError,
    ModelError,
    text_rows.TextRowError,
    prediction_files.PredictionFileError,
)
_VERSION = re.compile(r"[0-9]{1,18}")
_NAME = re.compile(r"\w[\w.+@ -]*")
# The page contains its script and style and loads nothing from elsewhere.
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """How the server handles requests.

    Attributes:
        name: name of the model in URLs.
        max_body_bytes: largest size of a request's body, both compressed and decompressed; larger
            requests are answered with status 413.
        timeout_seconds: time after which a request is answered with status 504 if the model has not
            answered all of it, or with 408 if its body has not arrived. Also how long requests may
            take to be answered when the server is asked to stop.
        poll_seconds: time between two checks for a newer version of the model.
        limits: limits on the rows and texts of a request.
        origins: origins of other pages that may call the server, "*" for all.
        batching: how waiting requests are combined into batches.
    """

    name: str = "xlnet"
    max_body_bytes: int = 1 << 20
    timeout_seconds: float = 30.0
    poll_seconds: float = 10.0
    limits: Limits = dataclasses.field(default_factory=Limits)
    batching: BatchingConfig = dataclasses.field(default_factory=BatchingConfig)
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} cannot be the name of a model in URLs; it may have letters, "
                "digits, and _ . + @ - inside."
            )
        if not 0 < self.timeout_seconds < math.inf:
            raise ValueError(
                f"The timeout must be a positive number of seconds, not {self.timeout_seconds:g}."
            )
        if self.max_body_bytes < 1:
            raise ValueError(
                f"The largest size of a body must be at least 1 byte, not {self.max_body_bytes}."
            )
        cross_origin.check(self.origins)


class Server:
    """The web application and the model that it serves.

    Args:
        directory: a SavedModel, or a folder with numbered versions, of which the latest is served.
            If a newer version appears while the server runs, it takes over.
        config: how the server handles requests.
    """

    def __init__(self, directory: str, config: ServerConfig) -> None:
        self._config = config
        self._current = CurrentModel(directory)
        self._batcher = Batcher(config.batching)
        self._metrics = Metrics()

    def make_app(self) -> web.Application:
        """Returns the application, which `listening.run` or a test can run."""
        middlewares = [self._metrics.middleware, _errors_as_json]
        if self._config.origins:
            middlewares.insert(0, cross_origin.middleware(self._config.origins))
        app = web.Application(middlewares=middlewares)
        model = "/v1/models/{name}"
        app.add_routes(
            [
                web.get("/", _static("page.html", "text/html")),
                web.get("/docs", _static("docs.html", "text/html")),
                web.get("/openapi.json", _static("openapi.json", "application/json")),
                web.get("/form", self._form),
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", self._health),
                web.get("/readyz", self._health),
                web.get(model, self._status),
                web.get(model + "/metadata", self._metadata),
                web.get(model + "/versions/{version}", self._status),
                web.get(model + "/versions/{version}/metadata", self._metadata),
                web.post(model + ":predict", self._predict),
                web.post(model + ":predict_file", self._predict_file),
                web.post(model + ":reach", self._reach),
                web.post(model + "/versions/{version}:predict", self._predict),
            ]
        )
        app.cleanup_ctx.append(self._lifetime)
        app.on_shutdown.append(self._end)
        return app

    async def _lifetime(self, _: web.Application) -> Any:
        self._ending = asyncio.Event()
        # For what takes long beside the model. At the end, asyncio would wait for its own threads.
        self._threads = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="server")
        self._batcher.start()
        watcher = asyncio.create_task(self._watch())
        yield
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await self._batcher.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _end(self, _: web.Application) -> None:
        self._ending.set()

    @property
    def _model(self) -> PushedModel:
        return self._current.model

    async def _watch(self) -> None:
        """Switches to newer versions of the model when they appear, as TF Serving does."""
        while True:
            await asyncio.sleep(self._config.poll_seconds)
            await asyncio.get_running_loop().run_in_executor(self._threads, self._current.look)

    async def _form(self, _: web.Request) -> web.Response:
        model = self._model
        about = {"model": self._config.name, "version": str(model.version)}
        return web.json_response({**about, **form.describe(model)})

    async def _show_metrics(self, _: web.Request) -> web.Response:
        text = self._metrics.render(version=self._model.version)
        return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "status": "ok",
                "model": self._config.name,
                "version": str(self._model.version),
                "kind": self._model.kind,
            }
        )

    async def _status(self, request: web.Request) -> web.Response:
        model = self._find(request)
        status = {"version": str(model.version), **_AVAILABLE}
        return web.json_response({"model_version_status": [status]})

    async def _metadata(self, request: web.Request) -> web.Response:
        model = self._find(request)
        found = rest.metadata(self._config.name, model.version, model.signatures)
        return web.json_response(found)

    async def _predict(self, request: web.Request) -> web.Response:
        model = self._find(request)
        body = await self._body(request)
        parsed = self._parse(body, model)
        outputs = await self._answer(model, parsed)
        return web.json_response(rest.format_outputs(outputs, by_row=parsed.by_row))

    async def _predict_file(self, request: web.Request) -> web.Response:
        """Predicts the rows of a file, which are read as `xlnet-pipeline predict` reads them."""
        model = self._find(request)
        name = request.query.get("input", "input.jsonl")
        output = request.query.get("output", "output.jsonl")
        body = await self._body(request)
        inputs, columns = text_rows.inputs_of(model), model.columns
        file, file_form = text_rows.opened(io.BytesIO(body), name)
        rows = list(
            text_rows.read(
                file,
                file_form,
                name=name,
                inputs=inputs,
                columns=columns,
                max_text_bytes=self._config.limits.max_text_bytes,
            )
        )
        predicted: list[Mapping[str, Any]] = []

        async def predict() -> None:
            for begin in range(0, len(rows), self._config.limits.max_rows):
                if request.transport is None or request.transport.is_closing():
                    raise RequestError("the client left")
                batch = rows[begin : begin + self._config.limits.max_rows]
                arrays = text_rows.arrays(batch, inputs)
                parsed = PredictRequest(SERVING_DEFAULT, arrays, by_row=True)
                predicted.extend(text_rows.joined(batch, await self._answer(model, parsed)))

        await asyncio.wait_for(predict(), self._config.timeout_seconds)
        text = "".join(
            prediction_files.format_rows(predicted, output, quotes_tabs=model.columns.quotes_tabs)
        )
        return web.Response(
            # JSON can hold half a surrogate pair, for which UTF-8 has no bytes.
            body=text.encode("utf-8", "backslashreplace"),
            charset="utf-8",
            content_type=prediction_files.content_type(output),
            headers={cross_origin.ROW_COUNT: str(len(rows))},
        )

    async def _reach(self, request: web.Request) -> web.Response:
        """Says how many characters of each text the model reads."""
        model = self._find(request)
        parsed = self._parse(await self._body(request), model)
        if parsed.signature != SERVING_DEFAULT:
            raise RequestError(
                f"how much is read is known of the texts of {SERVING_DEFAULT} only, not of "
                f"{parsed.signature}: leave signature_name out"
            )
        texts = {
            name: [value.decode() for value in values.tolist()]
            for name, values in parsed.inputs.items()
            if values.dtype == object and values.ndim == 1
        }
        rows = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]

        def find() -> list[dict[str, int]]:
            if model.reach is None:
                return [{name: len(text) for name, text in row.items()} for row in rows]
            names = ("text_a", "text_b")
            return [dict(zip(names, model.reach.characters(**row), strict=True)) for row in rows]

        # Tokenizing long texts would keep other requests waiting.
        finding = asyncio.get_running_loop().run_in_executor(self._threads, find)
        found = await asyncio.wait_for(finding, self._config.timeout_seconds)
        return web.json_response({"characters": found})

    async def _body(self, request: web.Request) -> bytes:
        return await request_body.read(
            request,
            max_bytes=self._config.max_body_bytes,
            seconds=self._config.timeout_seconds,
            ending=self._ending,
        )

    def _parse(self, body: bytes, model: PushedModel) -> PredictRequest:
        return rest.parse(body, model.signatures, self._config.limits, model.columns)

    async def _answer(self, model: PushedModel, request: PredictRequest) -> dict[str, np.ndarray]:
        # A newer version may have taken over since the request was checked.
        seconds = self._config.timeout_seconds
        outputs = await asyncio.wait_for(self._batcher.submit(model.run, request), seconds)
        self._metrics.count_rows(request.num_rows)
        return outputs

    def _find(self, request: web.Request) -> PushedModel:
        name, version = request.match_info["name"], request.match_info.get("version")
        model = self._model
        if name != self._config.name:
            raise web.HTTPNotFound(text=f"no model {name!r}; this server has {self._config.name!r}")
        if version is not None and not (
            _VERSION.fullmatch(version) and int(version) == model.version
        ):
            raise web.HTTPNotFound(text=f"no version {version!r}; {model.version} is served")
        return model


def run(directory: str, config: ServerConfig, *, host: str, port: int) -> None:
    """Serves until SIGINT or SIGTERM; complete requests are still answered before it returns.

    Args:
        directory: a SavedModel, or a folder with numbered versions.
        config: how the server handles requests.
        host: name or address to listen on.
        port: port to listen on.

    Raises:
        AddressError: if the address is not available; raised before the model is loaded.
        NoModelError: if there is no model.
        ModelError: if the model cannot be loaded.
    """
    with listening.bound(host, port) as sockets:
        _logger.info("loading %s", directory)
        app = Server(directory, config).make_app()
        where = listening.address(host, listening.port_of(sockets))
        _logger.info("open http://%s/ (model %r)", where, config.name)
        listening.run(app, sockets, seconds=config.timeout_seconds)


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answers errors with JSON that says what is wrong, in the form that TF Serving uses."""
    try:
        return await handler(request)
    except (RequestError, PredictionError, *_FILE_ERRORS) as error:
        return error_answer.of(400, str(error))
    except OverloadedError as error:
        return error_answer.of(503, str(error), {"Retry-After": "1"})
    except asyncio.TimeoutError:
        return error_answer.of(504, "the model did not answer in time")
    except web.RequestPayloadError as error:
        return error_answer.of(400, f"the body is damaged: {error}")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allowed = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        answer = error_answer.of(error.status, error.text or error.reason, allowed)
        if error.status in _HALF_READ:
            # Otherwise the rest of the body would be taken for the next request.
            answer.force_close()
        return answer
    except OutputError as error:
        _logger.error("%s", error)
        return error_answer.of(500, str(error))
    except Exception:
        _logger.exception("%s %s failed", request.method, request.path)
        return error_answer.of(500, "the server failed; its log says why")


def _static(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Returns a handler that answers with a file of this package."""
    folder = importlib.resources.files("components.serving").joinpath("static")
    text = folder.joinpath(name).read_text(encoding="utf-8")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, headers=_SECURITY_HEADERS)

    return answer
