"""The server over sockets: what clients send, and what they leave out."""

import asyncio
import contextlib
import dataclasses
import gzip
import json
import logging
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest
from aiohttp import web

from components.serving import listening, server
from components.serving.connection import Connection
from components.serving.rest import Limits
from components.serving.server import Server, ServerConfig

CONFIG = ServerConfig(name="letters", max_body_bytes=2000)
IMPATIENT = dataclasses.replace(CONFIG, timeout_seconds=1.0)
PREDICT = "/v1/models/letters:predict"
BODY = json.dumps({"instances": [{"text_a": "aaab", "text_b": ""}]}).encode()


@pytest.fixture(scope="module")
def model(serving_dir):
    loaded = Server(str(serving_dir), CONFIG)
    # The first call takes long.
    loaded._model.predict(text_a=["a"], text_b=["b"])
    return loaded


def request(body=b"", *headers, length=None, method="POST", path=PREDICT):
    length = len(body) if length is None else length
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.asynccontextmanager
async def served(model, config=CONFIG):
    """The port of a server with a model that is loaded already."""
    again = object.__new__(Server)
    again.__dict__.update(model.__dict__, _config=config)
    again._batcher = server.Batcher(config.batching)
    with listening.bound("127.0.0.1", 0) as sockets:
        async with listening.serving(again.make_app(), sockets, seconds=config.timeout_seconds):
            yield sockets[0].getsockname()[1]


async def answer(port, content, *, half_close=False):
    """Status, JSON, and whether the server closed the connection by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    if half_close:
        writer.write_eof()
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    body = await reader.readexactly(length)
    writer.close()
    return int(head.split()[1]), json.loads(body)


def reset(writer):
    """Resets the connection, instead of closing only this half of it."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def ask(model, *contents, config=CONFIG, **options):
    async def run():
        async with served(model, config) as port:
            return [await answer(port, content, **options) for content in contents]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (request(b"abc", "Content-Encoding: gzip"), 400, "decompressed"),
        (request(b"\xff\xff", "Content-Encoding: deflate"), 400, "decompressed"),
        (request(BODY, "Content-Encoding: br"), 415, "gzip and deflate"),
        (request(gzip.compress(bytes(2001)), "Content-Encoding: gzip"), 413, "2000 bytes"),
        (request(bytes(2001)), 413, "2000 bytes"),
        (request(b"", length=10**12), 413, "2000 bytes"),
        (request(b'{"instances": ' + b"9" * 1900 + b"}"), 400, "integer of 1,900 digits"),
    ],
)
def test_a_clients_mistake_is_a_4xx_and_the_next_request_is_answered(
    model, content, status, reason
):
    first, second = ask(model, content, request(gzip.compress(BODY), "Content-Encoding: gzip"))
    assert first[0] == status
    assert reason in first[1]["error"]
    assert second[0] == 200
    assert second[1]["predictions"][0]["scores"] == [0.75, 0.25]


def test_a_body_that_stops_half_way_is_closed_by_the_timeout(model):
    ((status, content),) = ask(model, request(BODY[:9], length=len(BODY)), config=IMPATIENT)
    assert status == 408
    assert "within 1 s" in content["error"]


def test_a_client_that_sends_no_more_gets_its_answer(model):
    ((status, content),) = ask(model, request(BODY), half_close=True)
    assert status == 200
    assert content["predictions"][0]["label"] == "a"


def test_a_file_is_not_predicted_to_the_end_if_the_connection_is_gone(model, monkeypatch):
    run = model._model.run
    calls = []

    def slow(*given):
        calls.append(given)
        time.sleep(0.05)
        return run(*given)

    monkeypatch.setattr(model._model, "run", slow)
    config = dataclasses.replace(CONFIG, limits=Limits(max_rows=1))

    async def leave():
        async with served(model, config) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(b'{"text_a": "a"}\n' * 50, path=PREDICT + "_file"))
            while not calls:
                await asyncio.sleep(0.01)
            reset(writer)
            before = 0
            while before != len(calls):
                before = len(calls)
                await asyncio.sleep(0.5)

    asyncio.run(leave())
    assert len(calls) < 50


def test_each_of_several_requests_is_answered_although_no_more_will_come(model):
    async def run():
        async with served(model) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(BODY) * 5)
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 20)

    assert asyncio.run(run()).count(b"HTTP/1.1 200 ") == 5


def test_an_answer_may_take_as_long_as_requests_may_after_the_last_of_them(model, monkeypatch):
    monkeypatch.setattr(listening, "_IDLE_SECONDS", 0.1)
    run = model._model.run

    def slow(*given):
        time.sleep(0.5)
        return run(*given)

    monkeypatch.setattr(model._model, "run", slow)
    ((status, _),) = ask(model, request(BODY), half_close=True)
    assert status == 200


def test_an_upload_that_the_client_breaks_off_is_no_failure_of_the_server(model, caplog):
    async def run():
        async with served(model) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(BODY[:9], length=len(BODY)))
            await asyncio.sleep(0.2)
            reset(writer)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(method="GET", path="/metrics"))
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 20)

    metrics = asyncio.run(run()).decode()
    assert 'route="/v1/models/{name}:predict",status="400"' in metrics
    assert 'status="500"' not in metrics
    assert not caplog.records


def test_what_is_no_request_is_told_so_like_everything_else(model, caplog):
    ((status, content),) = ask(model, b"What is the answer?\r\n\r\n")
    assert status == 400
    assert "malformed request: " in content["error"]
    assert not caplog.records


def test_a_client_that_never_reads_is_left(model):
    size = 50_000_000

    async def handle(_):
        return web.Response(body=bytes(size))

    async def run():
        app = web.Application()
        app.router.add_get("/", handle)
        with listening.bound("127.0.0.1", 0) as sockets:
            async with listening.serving(app, sockets, seconds=0.2):
                port = listening.port_of(sockets)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request(method="GET", path="/"))
                # The reader stops to read by itself when it has enough.
                await asyncio.sleep(1.5)
                with contextlib.suppress(ConnectionError):
                    return len(await asyncio.wait_for(reader.read(), 20))
                return 0

    assert asyncio.run(run()) < size


def test_a_client_that_reads_slowly_is_waited_for():
    class Transport:
        def __init__(self):
            self.sizes = [300, 200, 100, 100]
            self.aborted = asyncio.Event()

        def get_write_buffer_size(self):
            return self.sizes.pop(0)

        def abort(self):
            self.aborted.set()

    async def run():
        slow = Connection(web.Server(None), seconds=0.01)
        slow._asyncio_transport = transport = Transport()
        slow.pause_writing()
        await asyncio.wait_for(transport.aborted.wait(), 20)
        return transport.sizes

    assert asyncio.run(run()) == []


def _connected(port, *, seconds):
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait(number):
    program = """
import asyncio
from aiohttp import web
from components.serving import listening

async def handle(request):
    print("asked", flush=True)
    await asyncio.sleep(60)

app = web.Application()
app.router.add_get("/", handle)
with listening.bound("127.0.0.1", 0) as sockets:
    print(listening.port_of(sockets), flush=True)
    listening.run(app, sockets, seconds=60.0)
"""
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            port = int(process.stdout.readline())
            # The address is bound before the server listens.
            with _connected(port, seconds=20) as client:
                client.sendall(request(method="GET", path="/"))
                assert process.stdout.readline() == "asked\n"
                process.send_signal(number)
                # The first signal ends the listening.
                with contextlib.suppress(ConnectionRefusedError):
                    for _ in range(200):
                        socket.create_connection(("127.0.0.1", port)).close()
                        time.sleep(0.05)
                process.send_signal(number)
                _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -number
    assert number == signal.SIGTERM or "still being answered are lost" in errors


def test_a_body_that_ends_with_the_connection_is_not_waited_for(model):
    config = dataclasses.replace(CONFIG, timeout_seconds=60.0)
    ((status, content),) = ask(
        model, request(BODY[:9], length=len(BODY)), config=config, half_close=True
    )
    assert status == 400
    assert "ended before the body" in content["error"]


def test_bodies_and_requests_that_stop_half_way_do_not_hold_up_the_end(model):
    config = dataclasses.replace(CONFIG, timeout_seconds=60.0)

    async def run():
        async with served(model, config) as port:
            connections = [
                await asyncio.open_connection("127.0.0.1", port)
                for _ in ("nothing", "half a line", "half a body")
            ]
            connections[1][1].write(b"GET /heal")
            connections[2][1].write(request(BODY[:9], length=len(BODY)))
            await asyncio.sleep(0.3)
            begin = time.monotonic()
        seconds = time.monotonic() - begin
        return seconds, await connections[2][0].read()

    seconds, content = asyncio.run(run())
    assert seconds < 10
    assert b" 503 " in content
    assert b"the server ends" in content


def test_a_busy_port_is_said_before_the_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(listening.AddressError, match=rf"127\.0\.0\.1:{port}: .*in use.*--port"):
            # There is no such folder either.
            server.run("/nowhere", CONFIG, host="127.0.0.1", port=port)


def test_the_address_that_is_said_has_the_port_that_the_system_chose(
    serving_dir, caplog, monkeypatch
):
    ports = []

    def run(_, sockets, **__):
        ports.extend({sock.getsockname()[1] for sock in sockets})

    monkeypatch.setattr(listening, "run", run)
    caplog.set_level(logging.INFO)
    server.run(str(serving_dir), CONFIG, host="localhost", port=0)
    # One for all addresses of the host.
    (port,) = ports
    assert f"open http://localhost:{port}/ " in caplog.text


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [
        ("127.0.0.1", 70_000, "127.0.0.1:70000"),
        ("::1", -1, "[::1]:-1"),
        ("no-such-host.invalid", 0, "no-such-host.invalid:0"),
    ],
)
def test_an_address_that_cannot_be_is_an_error(host, port, shown):
    with (
        pytest.raises(listening.AddressError, match=re.escape(f"Cannot listen on {shown}: ")),
        listening.bound(host, port),
    ):
        pass
