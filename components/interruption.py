"""What commands and training runs share to handle Ctrl-C.

Imports no TensorFlow, so that commands do not have to wait for it.
"""

from __future__ import annotations

import threading

# The exit status that shells report for a process ended by SIGINT.
EXIT_STATUS = 130

# Set when Ctrl-C asked a training run to stop. The error with which it then ends is not a failure.
asked = threading.Event()
