"""Uploads files of records in the background, while the next ones are being made."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from components import tfrecords

# A request takes 20 to 100 ms, and making a small file of records 5 to 10 ms of one core. A file
# that waits for its upload takes up to 8 MiB of memory; larger ones are on disk.
_UPLOADS = 16


class UnfinishedFiles:
    """Writes files whose last step, the upload or the renaming, happens in the background.

    `finish` waits for all files. Before it returns, no file may be relied on.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="upload")
        self._uploads: collections.deque[Future[None]] = collections.deque()

    def write_records(self, path: str, records: Iterable[bytes]) -> tuple[int, str]:
        """Writes a file of records atomically; returns their number and their SHA-256.

        Raises:
            Exception: whatever an earlier file's upload raised.
        """
        with contextlib.ExitStack() as stack:
            writer = stack.enter_context(tfrecords.open_writer(path))
            for record in records:
                writer.write(record)
            if len(self._uploads) == _UPLOADS:
                self._uploads.popleft().result()
            self._uploads.append(self._pool.submit(stack.pop_all().close))
        return writer.num_records, writer.sha256

    def finish(self) -> None:
        """Waits until all files are there.

        Raises:
            Exception: whatever an upload raised.
        """
        while self._uploads:
            self._uploads.popleft().result()

    def close(self) -> None:
        """Drops uploads that have not begun, and waits for the others."""
        self._pool.shutdown(cancel_futures=True)
