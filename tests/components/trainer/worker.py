"""One training in a process of its own, for tests that end it or join several of them.

python -m tests.components.trainer.worker KIND CONFIG.json RECORDS_DIR MODEL_DIR [KILL_AFTER]

With KILL_AFTER, the process is killed as soon as that many updates are on the training curves.
"""

import os
import pathlib
import signal
import subprocess
import sys

import components  # noqa: F401  (environment before TensorFlow)
from components import configuration

_ROOT = pathlib.Path(__file__).resolve().parents[3]


def start(
    kind, config, records_dir, model_dir, *, directory, env, kill_after=None
) -> subprocess.Popen:
    """Starts a worker; `directory` gets its configuration and what it says."""
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text(configuration.to_json(config))
    with open(directory / "log", "w") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.components.trainer.worker", kind),
                *(str(directory / "config.json"), str(records_dir), str(model_dir)),
                *([] if kill_after is None else [str(kill_after)]),
            ],
            cwd=_ROOT,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def train(kind, config, records_dir, model_dir):
    """One training in this process."""
    if kind == "pretraining":
        from components.trainer.pretraining.pretrain import pretrain

        return pretrain(config, records_dir=str(records_dir), model_dir=str(model_dir))
    from components.trainer.classification.fine_tuning import fine_tune

    return fine_tune(
        config,
        records_dir=str(records_dir),
        train_files=[f"{records_dir}/Split-train/*"],
        eval_files=[f"{records_dir}/Split-eval/*"],
        model_dir=str(model_dir),
    )


def main(kind, config_path, records_dir, model_dir, kill_after=None):
    if kill_after is not None:
        _kill_after(int(kill_after))
    from components.trainer.classification.fine_tuning import FineTuningConfig
    from components.trainer.pretraining.pretrain import PretrainingConfig

    types = {"pretraining": PretrainingConfig, "fine_tuning": FineTuningConfig}
    text = pathlib.Path(config_path).read_text()
    train(kind, configuration.from_json(types[kind], text), records_dir, model_dir)


def _kill_after(step):
    from components.trainer.history import History

    record = History.record_training

    def record_and_die(self, progress):
        record(self, progress)
        if progress.step >= step:
            os.kill(os.getpid(), signal.SIGKILL)

    History.record_training = record_and_die


if __name__ == "__main__":
    main(*sys.argv[1:])
