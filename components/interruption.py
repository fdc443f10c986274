"""Ctrl-C, as commands and trainings know of it. No TensorFlow: commands wait for none."""

from __future__ import annotations

import threading

# What shells give for a process that SIGINT ended.
EXIT_STATUS = 130

# Set when a training was asked to end by Ctrl-C: the error that it ends with is then no failure.
asked = threading.Event()
