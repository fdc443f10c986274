"""The server over HTTP, with a small model."""

import asyncio
import dataclasses
import gc
import json
import math
import threading
import time
import weakref

import pytest
import tensorflow as tf
from aiohttp.test_utils import TestClient, TestServer

from components.export import input_columns, text_model
from components.export.input_columns import InputColumns
from components.serving import batching
from components.serving.rest import Limits, PredictRequest
from components.serving.server import Server, ServerConfig
from tests.components.serving.conftest import LengthModel, save

PREDICT = "/v1/models/letters:predict"
CONFIG = ServerConfig(name="letters", limits=Limits(max_text_bytes=50_000), poll_seconds=0.05)


@pytest.fixture(scope="module")
def server(serving_dir):
    return Server(str(serving_dir), CONFIG)


def ask(server, *requests):
    """Sends (method, path, body) one after the other; status and JSON of each."""

    async def run():
        answers = []
        async with TestClient(TestServer(server.make_app())) as client:
            for method, path, body in requests:
                response = await client.request(method, path, data=body)
                text = await response.text()
                is_json = response.content_type == "application/json"
                answers.append((response.status, json.loads(text) if is_json else text))
        return answers

    return asyncio.run(run())


def rows(*texts):
    instances = [{"text_a": text, "text_b": ""} for text in texts]
    return json.dumps({"instances": instances}).encode()


@pytest.fixture
def fresh(serving_dir):
    return Server(str(serving_dir), CONFIG)


def test_predictions_status_metadata_and_versions(fresh):
    prediction, status, by_version, metadata, page, health = ask(
        fresh,
        ("POST", PREDICT, rows("aaab", "b")),
        ("GET", "/v1/models/letters", None),
        ("POST", "/v1/models/letters/versions/12:predict", rows("a")),
        ("GET", "/v1/models/letters/metadata", None),
        ("GET", "/", None),
        ("GET", "/healthz", None),
    )
    assert prediction[0] == 200
    assert [row["label"] for row in prediction[1]["predictions"]] == ["a", "b"]
    assert prediction[1]["predictions"][0]["scores"] == [0.75, 0.25]
    (version,) = status[1]["model_version_status"]
    assert (version["version"], version["state"]) == ("12", "AVAILABLE")
    assert by_version[0] == 200
    definitions = metadata[1]["metadata"]["signature_def"]["signature_def"]
    assert definitions["serving_default"]["inputs"]["text_a"]["dtype"] == "DT_STRING"
    assert page[0] == 200
    assert "<form" in page[1]
    assert health == (
        200,
        {"status": "ok", "model": "letters", "version": "12", "kind": "classification"},
    )


def test_bad_requests_get_a_reason_and_the_server_lives_on(fresh):
    bad = [
        (b"{", 400, "not JSON"),
        (b"\x00\xff\xfe" * 1000, 400, "not UTF-8"),
        (rows(""), 400, "empty text"),
        (rows("x" * 100_000), 400, "at most 50,000"),
        (b"x" * 10_000_000, 413, "1048576"),
        (b'{"instances": [{"text_a": 1, "text_b": 2}]}', 400, "should be text"),
        (rows("boom"), 400, "boom was said"),
    ]
    answers = ask(
        fresh,
        *(("POST", PREDICT, body) for body, _, _ in bad),
        ("GET", "/v1/models/other", None),
        ("GET", "/v1/models/letters/versions/3", None),
        ("GET", "/nowhere", None),
        ("GET", PREDICT, None),
        ("POST", PREDICT, rows("a")),
    )
    for (_, status, reason), answer in zip(bad, answers, strict=False):
        assert answer[0] == status
        assert reason in answer[1]["error"]
    *_, other, old, nowhere, wrong_method, good = answers
    assert [other[0], old[0], nowhere[0], wrong_method[0]] == [404] * 4
    assert all("error" in answer[1] for answer in (other, old, nowhere, wrong_method))
    assert good[0] == 200


def test_reach_is_known_of_texts_only(fresh):
    body = b'{"signature_name": "sum_ids", "instances": [[1, 2, 3]]}'
    ((status, answer),) = ask(fresh, ("POST", "/v1/models/letters:reach", body))
    assert status == 400
    assert "leave signature_name out" in answer["error"]


def test_requests_at_the_same_time_are_answered_each_with_its_own(fresh):
    async def run():
        async with TestClient(TestServer(fresh.make_app())) as client:

            async def one(number):
                text = "boom" if number == 7 else "a" * number + "b"
                response = await client.post(PREDICT, data=rows(text))
                return response.status, await response.json()

            return await asyncio.gather(*(one(number) for number in range(1, 60)))

    for number, (status, body) in enumerate(asyncio.run(run()), start=1):
        if number == 7:
            assert status == 400
            continue
        assert status == 200
        assert body["predictions"][0]["scores"][0] == pytest.approx(number / (number + 1))


def test_a_model_that_computes_no_numbers_is_named_whatever_is_asked(fresh):
    async def run():
        async with TestClient(TestServer(fresh.make_app())) as client:
            asked = [
                client.post(PREDICT, data=rows("nan")),
                client.post(PREDICT + "_file", data=b'{"text_a": "nan"}\n'),
                client.post(PREDICT + "_file?output=x.csv", data=b'{"text_a": "nan"}\n'),
                client.post(PREDICT, data=rows("ab")),
            ]
            responses = await asyncio.gather(*asked)
            return [(response.status, await response.json()) for response in responses]

    *bad, good = asyncio.run(run())
    for status, body in bad:
        assert status == 500
        assert "/12 computes NaN or infinity for the output 'scores'" in body["error"]
    assert good[0] == 200


@pytest.mark.parametrize(
    ("text_a", "text_b", "reason"),
    [
        ("a", None, ""),
        (" ", "b", "empty text"),
        ("\u3000", "b", "empty text"),
        ("a", "b\0", "NUL character"),
        ("a" * 50_000, "", ""),
        ("a" * 50_001, "", "50,001 bytes; at most 50,000 are allowed"),
    ],
)
def test_a_text_can_be_used_in_a_file_if_it_can_be_used_alone(fresh, text_a, text_b, reason):
    row = {"text_a": text_a, "text_b": text_b}
    alone = json.dumps({"instances": [row]}).encode()
    in_file = json.dumps(row).encode()
    answers = ask(fresh, ("POST", PREDICT, alone), ("POST", PREDICT + "_file", in_file))
    for status, answer in answers:
        assert status == (400 if reason else 200)
        assert reason in (answer["error"] if reason else "")


def test_a_newer_version_takes_over(tmp_path):
    save(tmp_path, 1)
    server = Server(str(tmp_path), CONFIG)

    async def run():
        async with TestClient(TestServer(server.make_app())) as client:
            save(tmp_path, 2)
            for _ in range(200):
                await asyncio.sleep(0.05)
                health = await (await client.get("/healthz")).json()
                if health["version"] == "2":
                    return True
        return False

    assert asyncio.run(run())


def _request(rows):
    import numpy as np

    return PredictRequest("s", {"x": np.arange(rows)}, by_row=True)


def test_what_waits_is_run_together_and_too_much_is_refused():
    sizes = []

    def run(_, inputs):
        sizes.append(len(inputs["x"]))
        return {"y": inputs["x"] * 2}

    async def main():
        config = batching.BatchingConfig(
            max_batch_rows=8, max_wait_seconds=0.05, max_waiting_rows=12
        )
        batcher = batching.Batcher(config)
        waiting = [asyncio.create_task(batcher.submit(run, _request(3))) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(batching.OverloadedError, match="12 rows are waiting"):
            await batcher.submit(run, _request(1))
        batcher.start()
        found = await asyncio.gather(*waiting)
        await batcher.stop()
        return found

    assert [outputs["y"].tolist() for outputs in asyncio.run(main())] == [[0, 2, 4]] * 4
    assert sizes == [6, 6]


def test_a_version_answers_what_was_asked_of_it(serving_dir):
    server = Server(str(serving_dir), dataclasses.replace(CONFIG, limits=Limits(max_rows=1)))
    old, newer = server._model, Server(str(serving_dir), CONFIG)._model
    newer.run = lambda *_: pytest.fail("another version was asked")
    run = old.run

    def swap_and_run(*given):
        server._current.model = newer
        return run(*given)

    old.run = swap_and_run

    async def post():
        async with TestClient(TestServer(server.make_app())) as client:
            lines = b'{"text_a": "a", "text_b": ""}\n' * 3
            response = await client.post(PREDICT + "_file", data=lines)
            return response.status, await response.text()

    status, text = asyncio.run(post())
    assert (status, text.count("\n")) == (200, 3), text
    assert server._model is newer


def test_the_model_of_an_answer_can_leave_the_memory():
    class Model:
        def run(self, _, inputs):
            return {"y": inputs["x"]}

    async def main():
        batcher = batching.Batcher(batching.BatchingConfig())
        batcher.start()
        models = [Model(), Model()]
        # Of two models, so that one request is held back from the batch of the other.
        await asyncio.gather(*(batcher.submit(model.run, _request(1)) for model in models))
        await asyncio.sleep(0.01)
        left = [weakref.ref(model) for model in models]
        models.clear()
        gc.collect()
        alive = [one for one in left if one() is not None]
        await batcher.stop()
        return alive

    assert asyncio.run(main()) == []


def test_the_end_does_not_wait_for_what_nobody_waits_for():
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def run(_, inputs):
        began.set()
        may_end.wait(10)
        ended.set()
        return {"y": inputs["x"]}

    async def main():
        batcher = batching.Batcher(batching.BatchingConfig())
        batcher.start()
        waiting = asyncio.create_task(batcher.submit(run, _request(1)))
        while not began.is_set():
            await asyncio.sleep(0.01)
        waiting.cancel()
        await batcher.stop()
        return ended.is_set()

    assert not asyncio.run(main())
    may_end.set()


def test_requests_of_two_versions_are_no_batch():
    batches = {"old": [], "newer": []}

    def model(version):
        def run(_, inputs):
            batches[version].append(len(inputs["x"]))
            return {"y": inputs["x"]}

        return run

    async def main():
        old, newer = model("old"), model("newer")
        batcher = batching.Batcher(batching.BatchingConfig(max_wait_seconds=0.05))
        asked = [
            asyncio.create_task(batcher.submit(run, _request(2))) for run in (old, old, newer, old)
        ]
        await asyncio.sleep(0)
        batcher.start()
        await asyncio.gather(*asked)
        await batcher.stop()

    asyncio.run(main())
    assert batches == {"old": [4, 2], "newer": [2]}


def test_what_takes_too_long_is_given_up_and_not_run(serving_dir):
    server = Server(str(serving_dir), dataclasses.replace(CONFIG, timeout_seconds=0.2))
    calls = []

    def slow(signature, inputs):
        calls.append(signature)
        time.sleep(0.5)
        return {"y": inputs["text_a"]}

    server._model.run = slow

    async def run():
        async with TestClient(TestServer(server.make_app())) as client:
            first = asyncio.create_task(client.post(PREDICT, data=rows("a")))
            await asyncio.sleep(0.1)
            second = await client.post(PREDICT, data=rows("b"))
            return (await first).status, second.status, await second.json()

    first, second, body = asyncio.run(run())
    assert (first, second) == (504, 504)
    assert "in time" in body["error"]
    assert len(calls) == 1


@pytest.mark.parametrize("address", ["predict_file", "reach"])
def test_the_time_is_that_of_the_whole_request(serving_dir, monkeypatch, address):
    config = dataclasses.replace(CONFIG, timeout_seconds=0.3, limits=Limits(max_rows=1))
    server = Server(str(serving_dir), config)
    # The first call takes longer than the others.
    server._model.predict(text_a=["a"], text_b=[""])
    run = server._model.run
    calls = []

    def slow(*given):
        calls.append(given)
        time.sleep(0.12)
        return run(*given)

    class SlowReach:
        def characters(self, text_a, text_b):
            time.sleep(0.6)
            return 1, 1

    server._model.run = slow
    monkeypatch.setattr(server._model, "reach", SlowReach())
    body = rows("a") if address == "reach" else b'{"text_a": "a"}\n' * 10
    ((status, answer),) = ask(server, ("POST", f"/v1/models/letters:{address}", body))
    assert (status, answer) == (504, {"error": "the model did not answer in time"})
    assert len(calls) < 10


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "a/b"}, "'a/b' cannot be the name"),
        ({"name": ""}, "cannot be the name"),
        ({"timeout_seconds": -1}, "positive number of seconds, not -1"),
        ({"timeout_seconds": math.nan}, "positive number of seconds, not nan"),
        ({"max_body_bytes": 0}, "at least 1 byte, not 0"),
    ],
)
def test_settings_with_which_nothing_could_be_answered_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ServerConfig(**settings)


def test_a_text_gets_the_same_scores_in_a_file_and_alone(tmp_path):
    class Replacing(LengthModel):
        """As exported: the graph replaces what was replaced in the texts for training."""

        def serve(self, text_a, text_b):
            return super().serve(text_model.replaced(text_a, columns.replacements), text_b)

    # Twice would be another text.
    columns = InputColumns(replacements=(("bb", "b"),), replaced_in_graph=True)
    module, spec = Replacing(), tf.TensorSpec([None], tf.string)
    function = tf.function(module.serve).get_concrete_function(text_a=spec, text_b=spec)
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=function)
    input_columns.write(str(tmp_path / "1"), columns)
    alone, in_file = ask(
        Server(str(tmp_path), CONFIG),
        ("POST", PREDICT, rows("aabbbb")),
        ("POST", PREDICT + "_file", b'{"text_a": "aabbbb"}\n'),
    )
    (prediction,) = alone[1]["predictions"]
    assert prediction["scores"] == [0.5, 0.5]
    assert json.loads(in_file[1])["prediction"] == prediction
