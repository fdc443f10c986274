"""Readers of files that people bring, with small files that they read, for `mutations.py`."""

from benchmarks.mutated_readers import (
    corpora,
    requests,
    run_files,
    squad_files,
    text_files,
    weights,
)

READERS = {
    reader.name: reader
    for module in (squad_files, text_files, corpora, run_files, weights, requests)
    for reader in module.READERS
}
