"""Compiles the steps of the presets for TPUs, and compares the memory with what `estimate` says."""

from __future__ import annotations

import argparse
import re
import statistics

from components.modeling import cost
from pipeline import preset_loader
from pipeline.tpu_compiler import compiler, topologies, training_step

_GIB = 1 << 30
_NOT_NEEDED = (
    *("data.root=unused", "run.output_root=unused"),
    *("vocabulary.model=unused", "vocabulary.size=null", "model.n_token=32000"),
)
# "# Estimate: xlnet-pipeline estimate squad2_large --device v3 --replicas 8"
_HEADER = re.compile(r"^# Estimate: .*--device (v\w+) .*?--replicas (\d+)", re.MULTILINE)


def main() -> None:
    """Parses the command line and prints a line for each preset."""
    presets = tpu_presets()
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="One replica of each is compiled, for the device that the preset's header names.",
    )
    parser.add_argument("preset", nargs="*", help=f"of {', '.join(presets)}; all by default")
    parser.add_argument("--device", help="in place of the header's")
    parser.add_argument("--layers", type=int, help="in place of the presets' own number")
    options = parser.parse_args()
    unknown = sorted(set(options.preset) - set(presets))
    if unknown:
        parser.error(f"{', '.join(unknown)}: no preset for TPUs")
    factors = []
    print(f"{'':24}{'device':>8}{'rows':>6}{'compiler':>14}{'estimate':>14}{'off by':>9}")
    for name in options.preset or presets:
        device, replicas = presets[name]
        target = topologies.parse(options.device or device, 1)
        layers = [f"model.n_layer={options.layers}"] if options.layers else []
        config = preset_loader.load(name, [*_NOT_NEEDED, *layers])
        rows = config.training.batch_size // replicas
        print(f"{name:24}{target.device:>8}{rows:>6}", end="", flush=True)
        try:
            step = training_step.compile_step(config, target, sharing=replicas)
        except compiler.OutOfMemoryError as error:
            print(f"{error.needed / _GIB:10.2f} GiB, more than the device has", flush=True)
            continue
        found, estimated = step.compiled.total_bytes, step.estimated_bytes
        print(
            f"{found / _GIB:10.2f} GiB{estimated / _GIB:10.2f} GiB{estimated / found - 1:9.1%}",
            flush=True,
        )
        counted = cost.training_cost(config.sized_model(), config.model_options, step.workload)
        fixed = counted.weight_bytes + counted.optimizer_bytes
        factors.append((found - fixed) / (estimated - fixed))
    if factors:
        print(
            "temporaries and code, compiled over counted: "
            f"{statistics.mean(factors):.3f} "
            f"({min(factors):.3f} to {max(factors):.3f})"
        )


def tpu_presets() -> dict[str, tuple[str, int]]:
    """Device and number of replicas that the headers of the presets for TPUs name."""
    found = {}
    for name in preset_loader.names():
        path = preset_loader.PRESET_DIRECTORY / f"{name}.yaml"
        if header := _HEADER.search(path.read_text(encoding="utf-8")):
            found[name] = (header[1], int(header[2]))
    return found


if __name__ == "__main__":
    main()
