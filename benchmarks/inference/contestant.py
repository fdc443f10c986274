"""The code that all contestants share: answers requests, one a line, with the time it took."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

# Takes what is asked for and returns what answers it; the second is timed.
Answer = Callable[[], object]
Prepare = Callable[..., Answer]


def main(make: Callable[[str, str, str], Mapping[str, Prepare]]) -> None:
    """Runs a contestant's script, whose arguments are `SIZE DTYPE FOLDER`.

    It reads requests from its standard input, each with the kind of the work and its inputs. For
    each it writes the seconds that passed and those of its own on the processors.

    Args:
        make: takes size, dtype and folder, and returns, for each kind of work, a function that
            takes the inputs and returns the function to time.
    """
    # Libraries print to standard output, too, so replies have a file of their own.
    replies = sys.stdout
    sys.stdout = sys.stderr
    work = make(*sys.argv[1:])
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        answer = work[request.pop("work")](**request)
        started, used = time.perf_counter(), time.process_time()
        answer()
        seconds = time.perf_counter() - started, time.process_time() - used
        print(json.dumps(seconds), file=replies, flush=True)
