"""Holds the model that is being served, and replaces it when a newer version appears."""

from __future__ import annotations

import dataclasses
import logging
import time

from components.serving import pushed_model as models
from components.serving.pushed_model import ModelError, PushedModel

_logger = logging.getLogger(__name__)

# A version that cannot be loaded is tried again after this many times the duration of the failed
# attempt: it may be complete by then, and attempts use at most about a tenth of the server's time.
_PAUSE_FACTOR = 10


@dataclasses.dataclass(frozen=True)
class _Failure:
    reason: str
    next_attempt: float


class CurrentModel:
    """The newest version in a folder that can be loaded.

    Attributes:
        model: the current model, which is loaded and warmed up.

    Args:
        directory: a SavedModel, or a folder with numbered versions.

    Raises:
        NoModelError: if there is no model.
        ModelError: if no version can be loaded.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._failures: dict[int, _Failure] = {}
        self._listing_failure = ""
        latest, _ = models.find(directory)
        found = self._load_newest(above=-1)
        if found is None:
            raise ModelError(self._failures[latest].reason)
        self.model = found

    def look(self) -> None:
        """Switches to a newer version if there is one; logs once what prevents it, if anything."""
        try:
            newer = self._load_newest(above=self.model.version)
        except Exception as error:
            # Whatever goes wrong in the filesystem, the current version continues to be served.
            if str(error) != self._listing_failure:
                _logger.warning("looking for a newer version failed: %s", error)
            self._listing_failure = str(error)
            return
        self._listing_failure = ""
        if newer is not None:
            self.model = newer
            _logger.info("version %d of the model is served from now on", newer.version)

    def _load_newest(self, *, above: int) -> PushedModel | None:
        found = models.all_versions(self._directory)
        for version in sorted(found, reverse=True):
            if version <= above:
                return None
            before = self._failures.get(version)
            begin = time.monotonic()
            if before is not None and begin < before.next_attempt:
                continue
            try:
                model = PushedModel(found[version], version)
                model.warm_up()
            except Exception as error:
                reason = str(error)
                if before is None or reason != before.reason:
                    _logger.warning("version %d is not served: %s", version, reason)
                now = time.monotonic()
                self._failures[version] = _Failure(reason, now + _PAUSE_FACTOR * (now - begin))
                continue
            return model
        return None
