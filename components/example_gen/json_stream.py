"""Reads large JSON files piece by piece.

Memory holds no more than the largest value that the caller asks for.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from components import json_text

_CHUNK_BYTES = 1 << 20
_WHITESPACE = re.compile(r"[ \t\n\r]*")
# If the end of the buffer cuts through a literal, number or escape, the decoder reports an error at
# most this many characters before that end.
_MAX_CUT_TOKEN = 64
_CUT_ESCAPE = re.compile(r"\\?u?[0-9a-fA-F]{0,4}")
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
# Length of the longest value that is read in one piece.
_MAX_VALUE_CHARACTERS = 128 << 20
# strict=False because line breaks inside strings are common in hand-made files and do no harm.
_DECODER = json.JSONDecoder(strict=False)


class JsonStreamError(ValueError):
    """Text that is not JSON, or is cut off.

    Attributes:
        is_cut_off: whether the text ended where more should have followed.
        before: the text of the damaged value, up to the damage.
    """

    def __init__(self, message: str, *, is_cut_off: bool = False, before: str = "") -> None:
        super().__init__(message)
        self.is_cut_off = is_cut_off
        self.before = before


class JsonStream:
    """A cursor that moves through a JSON text.

    Args:
        file: JSON in UTF-8; a byte-order mark is skipped.
        chunk_bytes: smallest number of bytes to read at a time.
    """

    def __init__(self, file: BinaryIO, *, chunk_bytes: int = _CHUNK_BYTES) -> None:
        self._file = file
        self._chunk_bytes = chunk_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="strict")
        self._text = ""
        self._position = 0
        # Number of characters that came before `_text` and have been dropped.
        self._before = 0
        self._is_at_end = False

    def begins_with(self, character: str) -> bool:
        """Whether the value at the cursor begins with this character."""
        return self._skip_whitespace() and self._text[self._position] == character

    def members(self) -> Iterator[str]:
        """Yields the keys of the object at the cursor.

        The caller has to read the value of each key before asking for the next key.

        Raises:
            JsonStreamError: if there is no object at the cursor, or it is damaged.
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
        """Yields the values of the array at the cursor.

        Raises:
            JsonStreamError: if there is no array at the cursor, or it is damaged.
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
        """Reads the whole value at the cursor.

        Raises:
            JsonStreamError: if it is damaged, cut off, or too large to be read in one piece.
        """
        self._peek()
        while True:
            self._check_size()
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                may_be_cut = (
                    error.msg.startswith("Unterminated string")
                    or error.pos > len(self._text) - _MAX_CUT_TOKEN
                )
                if not may_be_cut or not self._read_more():
                    # `_read_more` has moved the unread text to the front; `_damage` allows for it.
                    raise self._damage(error) from None
                continue
            except RecursionError:
                raise self._error("values are nested too deeply") from None
            except ValueError as error:
                # Python refuses integers with thousands of digits.
                raise self._error(str(error)) from None
            # A number at the end of the buffer may continue in the next chunk.
            if end < len(self._text) or not self._read_more():
                self._position = end
                return value

    def expect_end(self) -> None:
        """Checks that nothing but white space follows.

        Raises:
            JsonStreamError: if anything else follows.
        """
        if self._skip_whitespace():
            raise self._error(f"unexpected {self._text[self._position]!r} after the end")

    def _check_size(self) -> None:
        size = len(self._text) - self._position
        if size <= json_text.MAX_PARTS:
            return
        if size > _MAX_VALUE_CHARACTERS:
            raise self._error(
                f"a value of more than {_MAX_VALUE_CHARACTERS:,} characters, which is read in one "
                "piece; divide it"
            )
        try:
            json_text.check_parts(self._text[self._position :])
        except json_text.JsonTextError as error:
            raise self._error(f"{error}; divide it") from error

    def _damage(self, error: json.JSONDecodeError) -> JsonStreamError:
        """Converts a decoder error; works out its place, and whether the text is cut off there."""
        # `error.doc` is the text that the decoder was given. A read at the end of the file may have
        # dropped the beginning of it since, but both texts end at the same character.
        at = error.pos - len(error.doc) + len(self._text)
        tail = self._text[at:]
        rest = tail.strip()
        is_cut_off = self._is_at_end and bool(
            error.msg.startswith("Unterminated string")
            or any(literal.startswith(rest) and literal != rest for literal in _LITERALS)
            or ("uXXXX" in error.msg and _CUT_ESCAPE.fullmatch(tail))
        )
        message = error.msg
        before = self._text[self._position : at].rstrip()
        if not is_cut_off and before.endswith(",") and rest[:1] in ("]", "}"):
            # Python 3.13 reports this itself, at the comma; older versions report what follows it.
            at, message = self._position + len(before) - 1, "a comma too many"
        elif message.startswith("Illegal trailing comma"):
            message = "a comma too many"
        return self._error(message, at=at, is_cut_off=is_cut_off)

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
        """Drops the text before the cursor and reads on; returns whether there was any more text.

        Reads at least as much as is left, so that repeated attempts to decode a long value take
        linear time in total.
        """
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
        at = self._position if at is None else at
        return JsonStreamError(
            f"at character {self._before + at:,}: {message}",
            is_cut_off=is_cut_off,
            before=self._text[self._position : at],
        )
