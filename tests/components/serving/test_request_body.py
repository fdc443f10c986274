"""What comes compressed, against Python's gzip and zlib."""

import gzip
import tracemalloc
import zlib

import pytest
from aiohttp import web

from components.serving import request_body
from components.serving.rest import RequestError

TEXT = b'{"instances": [{"text_a": "x", "text_b": ""}]}'


def bare(content):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


@pytest.mark.parametrize(
    ("body", "is_gzip"),
    [
        (gzip.compress(TEXT, mtime=0), True),
        # Members follow each other (RFC 1952, section 2.2).
        (gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0), True),
        (zlib.compress(TEXT, 1), False),
        (zlib.compress(TEXT, 9), False),
        (bare(TEXT), False),
    ],
)
def test_what_compressors_write_is_read(body, is_gzip):
    assert request_body.decompress(body, is_gzip=is_gzip, max_bytes=len(TEXT)) == TEXT
    with pytest.raises(web.HTTPRequestEntityTooLarge, match="Too Large"):
        request_body.decompress(body, is_gzip=is_gzip, max_bytes=len(TEXT) - 1)


@pytest.mark.parametrize(
    ("body", "is_gzip", "reason"),
    [
        (b"abc", True, "cannot be decompressed"),
        (b"", True, "cut off"),
        (gzip.compress(TEXT, mtime=0)[:-1], True, "cut off"),
        (gzip.compress(TEXT, mtime=0) + b"junk", True, "cannot be decompressed"),
        (gzip.compress(TEXT, mtime=0)[:-8] + bytes(8), True, "incorrect data check"),
        (zlib.compress(TEXT), True, "incorrect header check"),
        (b"\xff\xff\xff", False, "invalid block type"),
        (bare(TEXT)[:-2], False, "cut off"),
    ],
)
def test_what_is_damaged_is_the_clients_mistake(body, is_gzip, reason):
    with pytest.raises(RequestError, match=reason):
        request_body.decompress(body, is_gzip=is_gzip, max_bytes=1 << 20)


def test_memory_is_bounded_whatever_a_body_unfolds_to():
    compressor = zlib.compressobj(wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join(compressor.compress(zeros) for _ in range(500)) + compressor.flush()
    tracemalloc.start()
    try:
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            request_body.decompress(bomb, is_gzip=True, max_bytes=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
