"""What is asked, and how large the networks are; all contestants' environments can import this."""

from __future__ import annotations

import os
from typing import NamedTuple

# Name of the environment variable from which contestants take the number of their threads. OpenMP
# reads it, too.
THREADS_VARIABLE = "OMP_NUM_THREADS"
N_TOKEN = 32000
D_HEAD = 64
LABELS = ("0", "1")

# Length of the records of each model that scores texts; those for sentences suit SST-2.
SEQ_LEN = {"sentences": 128, "paragraphs": 384}
# Name of the model that answers questions.
QUESTIONS_MODEL = "questions"
# Settings of the published fine-tuning script for SQuAD, except for shorter windows for a CPU.
WINDOW_LEN, DOC_STRIDE, MAX_QUERY_LEN, MAX_ANSWER_LEN = 384, 128, 64, 64


def num_threads() -> int:
    """Returns how many threads a contestant has."""
    return int(os.environ[THREADS_VARIABLE])


class Size(NamedTuple):
    """A network as published: layers, width, width of the feed-forward layers."""

    n_layer: int
    d_model: int
    d_inner: int

    @property
    def n_head(self) -> int:
        """Number of attention heads."""
        return self.d_model // D_HEAD


SIZES = {"base": Size(12, 768, 3072), "large": Size(24, 1024, 4096)}

# Rows and tokens of requests that are ids already; one sentence, some, and paragraphs.
CELLS = ((1, 32), (8, 32), (1, 128), (8, 128), (1, 384), (8, 384))
QUICK_CELLS = ((1, 32), (1, 128), (8, 128))
# Rows of requests that are text.
SENTENCES = (1, 32)
QUESTIONS = (1, 8)
