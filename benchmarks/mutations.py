"""Inputs changed at random, many thousands of them, for each reader of files that people bring.

    python -m benchmarks.mutations READER… [--number 100000] [--seed 0] [--keep FOLDER]

Each must end in a result, in dead letters, or in one error of the reader's own that can be shown to
a person: none may end in another exception, take more than 10 s or a gigabyte, or lose something
without a word. Prints a line for each reader; what breaks the rule is told apart by its cause, and
the first input of each cause is kept under FOLDER. `all` stands for all readers.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import faulthandler
import pathlib
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator

from benchmarks.mutated_readers import READERS
from benchmarks.mutated_readers.mutated_reader import MutatedReader

# Of the processor: a busy machine makes no reader slow.
_SECONDS = 10
# Of the clock, for this many inputs, after which a reader that waits for something ends the process
# with its traceback; an alarm takes as long as reading a small file.
_SECONDS_OF_CLOCK = 600
_INPUTS_OF_AN_ALARM = 100
_MEMORY_BYTES = 1 << 30
# Of an error that a person can read.
_MESSAGE_BYTES = 5000
# Of what is packed, the share that is damaged inside, so that the packing itself holds.
_PACKED_SHARE = 0.8
# Values in place of which others are put: strings, numbers, words, and innermost lists and objects.
_VALUE = re.compile(rb'"[^"\n]{0,60}"|-?\d+(?:\.\d+)?|\w+|\[[^\[\]]*\]|\{[^{}]*\}')
_EXTREMES = (
    *(b"null", b"true", b"[]", b"{}", b'""', b"-1", b"0", b"1e999", b"NaN", b".inf", b"1000000000"),
    *(b"18446744073709551616", b"-9223372036854775809", b"9" * 400, b"9" * 5000, b"0x1F", b"1_0"),
    *(
        b'"\\ud800"',
        b'"\xff"',
        b"\x00",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\t",
        b'"',
        b"''",
        b"\xef\xbb\xbf",
    ),
    *(b'"../x"', b"\xe2\x80\xa8", b"\xc2\xa0", b"2019-01-01", b"*a", b"&a [*a]", b"!!python/none"),
    *(b"[" * 990 + b"]" * 990, b"[" * 50_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"{a: " * 400),
)


class _TooSlowError(BaseException):
    """Raised by the alarm; no reader catches it."""


@dataclasses.dataclass
class Summary:
    """What became of a reader's inputs.

    Attributes:
        read: those with a result, dead letters included.
        refused: those that ended in an error of the reader's own.
        seconds: that the slowest took.
        broken: by cause, how many broke the rule, and the number of the first.
    """

    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    broken: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        broken = sum(len(numbers) for numbers in self.broken.values())
        return (
            f"{self.read + self.refused + broken:,} inputs: {self.read:,} read, {self.refused:,} "
            f"refused, {broken:,} broken; the slowest took {self.seconds:.2f} s"
        )


def mutated(draw: random.Random, content: bytes, other: bytes = b"") -> bytes:
    """Content with one to four changes.

    Args:
        draw: where chance comes from.
        content: to change.
        other: content from which pieces are taken over.
    """
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        place, size = draw.randrange(len(changed) + 1), draw.randint(1, 8)
        kind = draw.randrange(10)
        if kind == 0 and changed:
            changed[place - 1] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del changed[place : place + size]
        elif kind == 2:
            changed[place:place] = draw.randbytes(size)
        elif kind == 3:
            del changed[place:]
        elif kind == 4:
            end = min(len(changed), place + draw.choice([1, 10, 100, 1000]))
            changed[place:place] = changed[place:end] * draw.choice([1, 1, 2, 50])
        elif kind == 5 and other:
            start = draw.randrange(len(other))
            changed[place:place] = other[start : start + draw.choice([1, 10, 100])]
        else:
            values = list(_VALUE.finditer(changed))
            if not values:
                continue
            value = draw.choice(values)
            old = value.span()
            if kind == 6:
                new = bytes(draw.choice(values)[0])
            elif kind == 7:
                new = b""
            else:
                new = draw.choice(_EXTREMES)
            del value, values
            changed[slice(*old)] = new
    return bytes(changed)


def run(
    reader: MutatedReader,
    *,
    number: int,
    seed: int,
    first: int = 0,
    keep: pathlib.Path | None = None,
) -> Summary:
    """Tries a reader.

    Args:
        reader: to try.
        number: of inputs.
        seed: input i is the same in every run with this seed.
        first: number of the first input.
        keep: gets the first input of each cause of what breaks the rule.
    """
    summary = Summary()
    with tempfile.TemporaryDirectory() as folder, _limits():
        root = pathlib.Path(folder)
        seeds = reader.seeds()
        for index in range(first, first + number):
            if index % _INPUTS_OF_AN_ALARM == 0 or index == first:
                faulthandler.dump_traceback_later(_SECONDS_OF_CLOCK, exit=True)
            draw = random.Random(f"{reader.name} {seed} {index}")
            chosen, other = draw.choice(seeds), draw.choice(seeds)
            if chosen.is_packed and draw.random() < _PACKED_SHARE:
                content = chosen.pack(mutated(draw, chosen.content, other.content))
            else:
                content = mutated(draw, chosen.pack(chosen.content), other.content)
            path = root / chosen.name
            path.parent.mkdir(parents=True, exist_ok=True)
            for name, beside in chosen.beside.items():
                (path.parent / name).write_bytes(beside)
            path.write_bytes(content)
            cause = _try(reader, path, summary)
            if cause is None:
                continue
            if cause not in summary.broken and keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{reader.name}-{index}-{chosen.name.replace('/', '-')}").write_bytes(
                    content
                )
            summary.broken.setdefault(cause, []).append(index)
    return summary


def _try(reader: MutatedReader, path: pathlib.Path, summary: Summary) -> str | None:
    """What broke the rule, if anything did."""
    begin = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    try:
        counted = reader.read(path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        summary.read += 1
        if counted is not None and counted[0] != counted[1]:
            summary.read -= 1
            return "items in are not items out and dead letters"
    except reader.errors as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        flaw = _flaw(str(error), path, reader)
        if flaw is not None:
            return f"{type(error).__name__}: {flaw}"
        summary.refused += 1
    except _TooSlowError:
        return f"more than {_SECONDS} s in {_place(sys.exc_info()[1])}"
    except Exception as error:
        return f"{type(error).__name__} in {_place(error)}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        summary.seconds = max(summary.seconds, time.process_time() - begin)
    return None


def _flaw(message: str, path: pathlib.Path, reader: MutatedReader) -> str | None:
    """Why an error's message is none for a person."""
    try:
        size = len(message.encode())
    except UnicodeEncodeError:
        return "a message that cannot be printed"
    if size > _MESSAGE_BYTES:
        return "a message that nobody reads to its end"
    if reader.names_file and path.name.split(".")[0] not in message:
        return "a message without the file's name"
    return None


def _place(error: BaseException) -> str:
    # The alarm's own function stands last where it rang.
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.name != "_ring"]
    ours = [f for f in frames if "/components/" in f.filename or "/pipeline/" in f.filename]
    frame = (ours or frames)[-1]
    return f"{pathlib.Path(frame.filename).name}, {frame.name}, line {frame.lineno}"


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """An alarm for what is slow, and a MemoryError for what asks for a gigabyte more."""
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, _ring)
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY_BYTES, hard))
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def _ring(*_: object) -> None:
    raise _TooSlowError


def main() -> None:
    """Prints a line for each reader; exit status 1 if anything broke the rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "readers",
        nargs="+",
        choices=["all", *READERS],
        metavar="READER",
        help=f"one of {', '.join(READERS)}, or all",
    )
    parser.add_argument("--number", type=int, default=100_000, help="of inputs for each")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=pathlib.Path, help="folder for inputs that break the rule")
    arguments = parser.parse_args()
    names = list(READERS) if "all" in arguments.readers else arguments.readers
    faulthandler.enable()
    num_broken = 0
    for name in names:
        summary = run(
            READERS[name],
            number=arguments.number,
            seed=arguments.seed,
            first=arguments.first,
            keep=arguments.keep,
        )
        print(f"{name:20} {summary}", flush=True)
        causes = collections.Counter({cause: len(found) for cause, found in summary.broken.items()})
        for cause, count in causes.most_common():
            print(f"    {count:,} × {cause}; the first is {summary.broken[cause][0]:,}", flush=True)
        num_broken += causes.total()
    print(f"{len(names)} readers, {arguments.number:,} inputs for each, {num_broken:,} broken")
    sys.exit(int(num_broken > 0))


if __name__ == "__main__":
    main()
