"""Writes the Model Garden's training step as an XLA program: peer_model_garden.py CASE FILE.

It runs in the environment of `train_step`'s peer of the same name. CASE is the case as JSON.
"""

from __future__ import annotations

import json
import pathlib
import sys

_STEPS = pathlib.Path(__file__).resolve().parent.parent / "train_step"


def main() -> None:
    """Exports one step, in float32."""
    # In front of this script's folder, which holds a module of the same name.
    sys.path.insert(0, str(_STEPS))
    import peer_model_garden
    from cases import Case

    case = Case(**json.loads(sys.argv[1]))
    step, arguments = peer_model_garden.make_function(case, jit_compile=True)
    hlo = step.experimental_get_compiler_ir(*arguments)(stage="hlo_serialized")
    pathlib.Path(sys.argv[2]).write_bytes(hlo)


if __name__ == "__main__":
    main()
