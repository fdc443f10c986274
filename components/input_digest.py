"""Names the execution parameter that makes TFX's cache notice new content under an old path.

TFX compares artifacts and parameters. A component that reads files from outside the pipeline has
only their path among its parameters, so that a runner which can read these files adds their digest.
"""

from __future__ import annotations

KEY = "input_sha256"
