"""JSON texts read piece by piece, with no more in memory than the largest value asked for."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_CHUNK_BYTES = 1 << 20
_WHITESPACE = re.compile(r"[ \t\n\r]*")
# A literal, number or escape that is cut by the end of the buffer is at most this long before it.
_MAX_CUT_TOKEN = 64
# strict=False: line breaks inside strings are common in hand-made files and do no harm.
_DECODER = json.JSONDecoder(strict=False)


class JsonStreamError(ValueError):
    """Text that is not JSON, or is cut off.

    Attributes:
        is_cut_off: whether the text ended where more had to follow.
    """

    def __init__(self, message: str, *, is_cut_off: bool = False) -> None:
        super().__init__(message)
        self.is_cut_off = is_cut_off


class JsonStream:
    """A cursor in a JSON text.

    Args:
        file: UTF-8, a byte-order mark is skipped.
        chunk_bytes: bytes read at a time, at least.
    """

    def __init__(self, file: BinaryIO, *, chunk_bytes: int = _CHUNK_BYTES) -> None:
        self._file = file
        self._chunk_bytes = chunk_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="strict")
        self._text = ""
        self._position = 0
        # Characters that stood before `_text`.
        self._before = 0
        self._is_at_end = False

    @property
    def pending(self) -> str:
        """What was read from the file and not yet handed out; after an error, the damaged value."""
        return self._text[self._position :]

    def members(self) -> Iterator[str]:
        """Keys of the object that begins here; read each one's value before the next key.

        Raises:
            JsonStreamError: if no object begins here, or it is damaged.
        """
        self._expect("{")
        if self._peek() == "}":
            self._position += 1
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._error(f"a key must be a string, not {key!r:.40}")
            self._expect(":")
            yield key
            if self._expect(",}") == "}":
                return

    def elements(self) -> Iterator[Any]:
        """Values of the array that begins here.

        Raises:
            JsonStreamError: if no array begins here, or it is damaged.
        """
        self._expect("[")
        if self._peek() == "]":
            self._position += 1
            return
        while True:
            yield self.value()
            if self._expect(",]") == "]":
                return

    def value(self) -> Any:
        """The whole value that begins here."""
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                is_cut = (
                    error.msg.startswith("Unterminated string")
                    or error.pos > len(self._text) - _MAX_CUT_TOKEN
                )
                if not is_cut or not self._read_more():
                    raise self._error(
                        error.msg, at=error.pos, is_cut_off=is_cut and self._is_at_end
                    ) from None
                continue
            except RecursionError:
                raise self._error("values are nested too deeply") from None
            # A number may go on behind the buffer.
            if end < len(self._text) or not self._read_more():
                self._position = end
                return value

    def expect_end(self) -> None:
        """Checks that only white space follows.

        Raises:
            JsonStreamError: if anything else does.
        """
        if self._skip_whitespace():
            raise self._error(f"unexpected {self._text[self._position]!r} after the end")

    def _expect(self, allowed: str) -> str:
        character = self._peek()
        if character not in allowed:
            expected = " or ".join(map(repr, allowed))
            raise self._error(f"expected {expected}, found {character!r}")
        self._position += 1
        return character

    def _peek(self) -> str:
        if not self._skip_whitespace():
            raise self._error("the text ends too early", is_cut_off=True)
        return self._text[self._position]

    def _skip_whitespace(self) -> bool:
        while True:
            self._position = _WHITESPACE.match(self._text, self._position).end()
            if self._position < len(self._text):
                return True
            if not self._read_more():
                return False

    def _read_more(self) -> bool:
        """Drops what was read; at least doubles what is left, so that retries cost little."""
        if self._is_at_end:
            return False
        rest = self._text[self._position :]
        try:
            data = self._file.read(max(self._chunk_bytes, len(rest)))
            self._is_at_end = not data
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise self._error(f"not UTF-8 ({error.reason})") from error
        self._before += self._position
        self._text = rest + more
        self._position = 0
        return bool(more) or (not self._is_at_end and self._read_more())

    def _error(
        self, message: str, *, at: int | None = None, is_cut_off: bool = False
    ) -> JsonStreamError:
        place = self._before + (self._position if at is None else at)
        return JsonStreamError(f"at character {place:,}: {message}", is_cut_off=is_cut_off)
