"""Packs a training step, and what measures it beside Hugging Face's, into one file to carry."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import tempfile
import zipapp

from benchmarks.case_configuration import of_case
from benchmarks.train_step.cases import D_HEAD, LARGE_CASES, Case

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# By their names in the file. `carried.py` is what `python FILE` runs.
_MODULES = {
    "__main__.py": "benchmarks/accelerator_step/carried.py",
    "step_jax.py": "benchmarks/accelerator_step/step_jax.py",
    "step_torch.py": "benchmarks/accelerator_step/step_torch.py",
    "timing.py": "benchmarks/accelerator_step/timing.py",
    "cases.py": "benchmarks/train_step/cases.py",
    "contestant.py": "benchmarks/train_step/contestant.py",
    "peer_hugging_face.py": "benchmarks/train_step/peer_hugging_face.py",
    "accelerator_peaks.py": "components/accelerator_peaks.py",
    "stablehlo.py": "pipeline/tpu_compiler/outside/stablehlo.py",
}


def main() -> None:
    """Parses the command line and writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Copy the file to the machine with the GPU and run `python FILE --help` there.",
    )
    parser.add_argument("--to", required=True, metavar="FILE", help="such as step.pyz")
    parser.add_argument("--case", choices=sorted(LARGE_CASES), default="classification")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--width", type=int, default=1024, help=f"a multiple of {D_HEAD}")
    parser.add_argument("--rows", type=int, help="rows per step")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    options = parser.parse_args()
    case = LARGE_CASES[options.case]
    case = dataclasses.replace(
        case,
        n_layer=options.layers,
        d_model=options.width,
        batch_size=options.rows or case.batch_size,
    )
    path = pathlib.Path(options.to)
    pack(case, options.dtype, path)
    print(f"{path}, {path.stat().st_size / 1e6:.1f} MB; run it with `python {path.name}`")


def pack(case: Case, dtype: str, path: pathlib.Path) -> None:
    """Exports the step of a case, and packs it with what runs it.

    Args:
        case: sizes of the step.
        dtype: compute dtype of ours; Hugging Face's runs under autocast for "bfloat16".
        path: file to write.
    """
    # Imported here to keep --help quick.
    from components.modeling.cost import training_cost
    from components.trainer import exported_update
    from pipeline import workloads
    from pipeline.workloads import for_accelerators

    config = for_accelerators(of_case(case, dtype))
    workload = workloads.of(config)
    task, features = workloads.training_step(config)
    exported = exported_update.replica_update(task, config.training, features).export()
    about = {
        "case": dataclasses.asdict(case),
        "dtype": dtype,
        "flops": training_cost(config.model, config.model_options, workload).train_flops,
        "parameters": [dataclasses.asdict(one) for one in exported.parameters],
        "results": list(exported.results),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, source in _MODULES.items():
            pathlib.Path(folder, name).write_bytes((_ROOT / source).read_bytes())
        pathlib.Path(folder, "step.hlo.pb").write_bytes(exported.hlo)
        pathlib.Path(folder, "step.json").write_text(json.dumps(about), encoding="utf-8")
        zipapp.create_archive(folder, path, compressed=True)


if __name__ == "__main__":
    main()
