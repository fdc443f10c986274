"""Suppresses what TensorFlow's C++ code writes to standard error while TensorFlow is imported.

TensorFlow 2.21 writes six lines about the processor and CUDA before its log level takes effect. If
the import fails, all of them are shown. Set TF_CPP_MIN_LOG_LEVEL to 0 to see them always.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import types
from collections.abc import Sequence


def install() -> None:
    """Makes the first import of TensorFlow quiet; does nothing if it is already imported."""
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _QuietLoader(spec.loader)
        return spec


class _QuietLoader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader):
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        # The module must keep its original loader, which knows its files: pkgutil and inspect use
        # it.
        module.__loader__ = module.__spec__.loader = self._loader
        standard_error = os.dup(2)
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                self._loader.exec_module(module)
            except BaseException:
                held.seek(0)
                os.write(standard_error, held.read())
                raise
            finally:
                os.dup2(standard_error, 2)
                os.close(standard_error)
