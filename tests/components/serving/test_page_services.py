"""What the page needs beside predictions: the form, files, reach; and metrics and other origins."""

import asyncio
import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from components.serving.reach import Reach
from components.serving.server import Server, ServerConfig
from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer
from tests.components.serving.conftest import save
from tests.components.serving.test_server import rows
from tests.components.tokenization.conftest import SMALL_CORPUS, SMALL_SIZE


def _ask(folder, *requests, **config):
    """Sends (method, path, body, headers); the response and the text of each."""

    async def run():
        found = []
        server = Server(str(folder), ServerConfig(name="letters", **config))
        async with TestClient(TestServer(server.make_app())) as client:
            for method, path, body, headers in requests:
                response = await client.request(method, path, data=body, headers=headers)
                found.append((response, await response.text()))
        return found

    return asyncio.run(run())


def test_the_form_has_the_fields_that_the_model_was_trained_on(serving_dir, tmp_path):
    ((_, text),) = _ask(serving_dir, ("get", "/form", None, {}))
    found = json.loads(text)
    assert (found["kind"], found["version"], found["examples"]) == ("classification", "12", [])
    assert [field["name"] for field in found["fields"]] == ["text_a", "text_b"]

    save(tmp_path, 1)
    extra = tmp_path / "1" / "assets.extra"
    extra.mkdir()
    (extra / "input_columns.json").write_text('{"names": {"text_a": "subject"}}')
    (extra / "examples.json").write_text('[{"text_a": "ab", "text_b": "", "label": "a"}]')
    ((_, text),) = _ask(tmp_path, ("get", "/form", None, {}))
    found = json.loads(text)
    assert found["fields"] == [
        {"name": "text_a", "label": "Text (subject)", "required": True, "count": None}
    ]
    assert found["examples"] == [{"text_a": "ab"}]
    # A damaged file of examples takes nothing but the examples.
    (extra / "examples.json").write_text("[{")
    ((response, text),) = _ask(tmp_path, ("get", "/form", None, {}))
    assert (response.status, json.loads(text)["examples"]) == (200, [])


def test_files_are_predicted_as_tables_and_what_is_wrong_is_said(serving_dir):
    path = "/v1/models/letters:predict_file"
    many = b"id\ttext_a\n" + b"".join(b"%d\taab\n" % n for n in range(600))
    table, long, bad, empty = _ask(
        serving_dir,
        ("post", f"{path}?input=x.csv&output=y.csv", b'id,text_a\n7,"aa,"\n', {}),
        ("post", f"{path}?input=x.tsv&output=y.jsonl", many, {}),
        ("post", f"{path}?input=x.csv&output=y.csv", b"id,text_a\n7,\n", {}),
        ("post", f"{path}?input=x.csv&output=y.csv", b"id,text_a\n", {}),
    )
    assert table[1].splitlines()[1].startswith('7,"aa,",a,')
    assert table[0].content_type == "text/csv"
    assert long[0].headers["X-Row-Count"] == "600"
    assert [json.loads(line)["id"] for line in long[1].splitlines()][::599] == ["0", "599"]
    assert bad[0].status == 400
    assert "x.csv, line 2: empty text (column 'text_a')" in json.loads(bad[1])["error"]
    assert (empty[0].status, empty[0].headers["X-Row-Count"]) == (200, "0")


def test_whatever_stands_beside_the_texts_of_a_file_is_answered_or_refused(serving_dir):
    path = "/v1/models/letters:predict_file"
    beside = [rb'"\ud83d"', b"1e999", b"[" * 900 + b"1" + b"]" * 900]
    half, large, deep = _ask(
        serving_dir,
        *(("post", path, b'{"text_a": "a", "x": ' + value + b"}\n", {}) for value in beside),
    )
    assert (half[0].status, json.loads(half[1])["x"]) == (200, "\ud83d")
    # JSON has no number for it, so it stays as it came.
    assert (large[0].status, json.loads(large[1])["x"]) == (200, "1e999")
    # Python's version decides which.
    assert deep[0].status in (200, 400)
    assert set(json.loads(deep[1])) in ({"text_a", "x", "prediction"}, {"error"})


def test_a_wrong_method_is_told_the_right_ones(serving_dir):
    ((response, text),) = _ask(serving_dir, ("post", "/healthz", None, {}))
    assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD")
    assert "error" in json.loads(text)


def test_metrics_count_requests_by_route_and_rows(serving_dir):
    predict = "/v1/models/letters:predict"
    *_, (response, text) = _ask(
        serving_dir,
        ("post", predict, rows("a", "b"), {}),
        ("post", predict, b"{", {}),
        ("get", "/nowhere/1", None, {}),
        ("get", "/nowhere/2", None, {}),
        ("get", "/metrics", None, {}),
    )
    assert response.content_type == "text/plain"
    lines = text.splitlines()
    route = 'route="/v1/models/{name}:predict"'
    assert f'xlnet_requests_total{{method="POST",{route},status="200"}} 1.0' in lines
    assert f'xlnet_requests_total{{method="POST",{route},status="400"}} 1.0' in lines
    assert 'xlnet_requests_total{method="other",route="other",status="404"} 2.0' in lines
    assert "xlnet_predicted_rows_total 2.0" in lines
    assert "xlnet_model_version 12.0" in lines
    assert f"xlnet_request_seconds_count{{{route}}} 2.0" in lines


def test_pages_of_named_origins_may_call_and_others_not(serving_dir):
    predict, shop = "/v1/models/letters:predict", {"Origin": "https://shop.example"}
    allow = "Access-Control-Allow-Origin"
    requests = [
        ("options", predict, None, {**shop, "Access-Control-Request-Method": "POST"}),
        ("post", predict, rows("a"), shop),
        ("post", predict, b"{", shop),
        ("post", predict, rows("a"), {"Origin": "https://other.example"}),
        ("post", predict, rows("a"), {}),
    ]
    answers = _ask(serving_dir, *requests, origins=("https://shop.example",))
    assert [response.status for response, _ in answers] == [204, 200, 400, 200, 200]
    origins = [response.headers.get(allow) for response, _ in answers]
    assert origins == ["https://shop.example"] * 3 + [None, None]
    assert "POST" in answers[0][0].headers["Access-Control-Allow-Methods"]
    assert answers[1][0].headers["Access-Control-Expose-Headers"] == "X-Row-Count"
    assert all(response.headers["Vary"] == "Origin" for response, _ in answers)
    ((response, _),) = _ask(serving_dir, requests[3], origins=("*",))
    assert response.headers[allow] == "*"
    ((response, _),) = _ask(serving_dir, requests[1])
    assert allow not in response.headers
    with pytest.raises(ValueError, match="is no origin"):
        ServerConfig(origins=("https://shop.example/",))


def test_reach_counts_the_characters_of_the_pieces_that_fit():
    tokenizer = Tokenizer(train_sentencepiece.train(SMALL_CORPUS * 5, vocabulary_size=SMALL_SIZE))
    reach = Reach(tokenizer, seq_len=12)
    words = "one two three four five six seven eight nine ten eleven twelve thirteen"
    kept, none = reach.characters(words)
    assert none == 0
    # SEP and CLS leave ten pieces.
    assert len(tokenizer.encode(words[:kept])) <= 10 < len(tokenizer.encode(words[: kept + 4]))
    assert reach.characters("one", "two") == (3, 3)
    long_a, long_b = reach.characters(words, words)
    # SEP, SEP and CLS leave nine pieces, of which the first text has one more.
    assert len(tokenizer.encode(words[:long_a])) <= 5
    assert len(tokenizer.encode(words[:long_b])) <= 4
    assert 0 < long_b <= long_a < kept
    # What the graph removes before it counts pieces reaches further.
    marked = words.replace(" ", "<br />")
    cleaning = Reach(tokenizer, seq_len=12, clean=lambda text: text.replace("<br />", " "))
    read = marked[: cleaning.characters(marked)[0]]
    assert read.replace("<br />", " ") == words[:kept].rstrip()
