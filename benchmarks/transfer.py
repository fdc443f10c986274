"""Measures what pretraining is worth, by fine-tuning from a pretrained encoder and from scratch.

    python -m benchmarks.transfer sst2_small --data GLUE/SST-2 --vocabulary spiece.model \
        --init-from runs/pretraining-small/serving/VERSION --output runs/transfer \
        --set training.train_steps=600

For each seed, it runs the pipeline of a preset twice, from the pretrained weights and from random
weights, with everything else equal. It prints the first metric that has a threshold for each run,
and the means over the seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics

from pipeline import console
from pipeline.commands import configuration_arguments


def main() -> None:
    """Runs all pipelines and prints the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    configuration_arguments.add(parser)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    console.set_up(verbose=False)
    config = configuration_arguments.load(options)
    if not config.init_from:
        parser.error("--init-from is needed: the pretrained weights to compare with none.")
    # TensorFlow and TFX take a while to import, so report mistakes in the configuration first.
    import tf_keras

    from pipeline import local_runner

    (metric, *_) = config.evaluation.thresholds
    figures: dict[str, list[float]] = {"from scratch": [], "pretrained": []}
    for seed in options.seeds:
        for name, init_from in (("from scratch", None), ("pretrained", config.init_from)):
            tf_keras.backend.clear_session()
            summary = local_runner.run(
                dataclasses.replace(
                    config,
                    init_from=init_from,
                    training=dataclasses.replace(config.training, seed=seed),
                    options=dataclasses.replace(config.options, init_seed=seed),
                )
            )
            figures[name].append(summary.metrics[metric])
            print(f"seed {seed}, {name}: {metric} {summary.metrics[metric]:.4f}", flush=True)
    for name, values in figures.items():
        listing = ", ".join(f"{value:.4f}" for value in values)
        print(f"{name:14} {metric} mean {statistics.mean(values):.4f} of {listing}")


if __name__ == "__main__":
    main()
