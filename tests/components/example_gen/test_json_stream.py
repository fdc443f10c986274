import io
import json

import pytest

from components.example_gen.json_stream import JsonStream, JsonStreamError

TEXT = json.dumps(
    {"version": "v2.0", "n": 12345678, "data": [{"a": ["é😀", {"b": None}]}, "x" * 50, 7, []]},
    ensure_ascii=False,
)


def _read(content: bytes, chunk_bytes: int):
    stream = JsonStream(io.BytesIO(content), chunk_bytes=chunk_bytes)
    found = {
        key: list(stream.elements()) if key == "data" else stream.value()
        for key in stream.members()
    }
    stream.expect_end()
    return found


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b" \n"])
def test_reads_what_the_json_module_reads(chunk_bytes, prefix):
    assert _read(prefix + TEXT.encode() + b" \n", chunk_bytes) == json.loads(TEXT)


@pytest.mark.parametrize("content", [b"{}", b'{"data": []}', b'{ "data" : [ 1 ,\t2 ] }'])
def test_reads_empty_and_spaced(content):
    assert _read(content, 1) == json.loads(content)


@pytest.mark.parametrize("chunk_bytes", [3, 1 << 20])
def test_every_cut_is_noticed(chunk_bytes):
    content = TEXT.encode()
    for length in range(len(content)):
        with pytest.raises(JsonStreamError) as caught:
            _read(content[:length], chunk_bytes)
        # Cut inside a character it is no UTF-8 any more.
        assert caught.value.is_cut_off or "UTF-8" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data": [1, x]}', "Expecting value"),
        (b'{"data": [1 2]}', "expected ',' or ']', found '2'"),
        (b'{"data": []} {', "unexpected '{' after the end"),
        (b"{1: 2}", "a key must be a string"),
        (b"[]", r"expected '\{', found '\['"),
        (b'{"data": {}}', r"expected '\['"),
        (b'{"data": ["\xff"]}', "not UTF-8"),
        (b'{"n": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_damage_is_named(content, message):
    with pytest.raises(JsonStreamError, match=message):
        _read(content, 1 << 20)


def test_an_early_error_does_not_read_the_file_to_its_end():
    file = io.BytesIO(b'{"data": [{"a": nonsense, "b": 1}' + b" " * 10_000_000 + b"]}")
    stream = JsonStream(file, chunk_bytes=1000)
    members = stream.members()
    assert next(members) == "data"
    elements = stream.elements()
    with pytest.raises(JsonStreamError, match="at character 16: Expecting value"):
        next(elements)
    assert file.tell() < 10_000
