"""Pipelines of every other kind, compiled and run as Kubeflow's driver and launcher would."""

import json
import os
import random
from collections.abc import Callable

import pytest
import yaml

from tests.e2e import race_passages
from tests.e2e.launched import check_pushed, launch, results_of, volume  # noqa: F401  (fixtures)
from tests.pipeline.conftest import deployed  # noqa: F401  (fixture)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not os.environ.get("XLNET_LAUNCHER"),
        reason="takes ten minutes; set XLNET_LAUNCHER=1 (the sample's launcher test always runs)",
    ),
]

CLASSIFICATION = {
    "extends": ["base", "sizes/tiny"],
    "kind": "classification",
    "name": "tiny",
    "vocabulary": {"size": 60},
    "seq_len": 48,
    "training": {"learning_rate": 1e-3},
}
# A model of a few updates is pushed as well; what it has learnt is of no interest here.
FEW_UPDATES = (
    "training.train_steps=4",
    "training.warmup_steps=1",
    "training.batch_size=4",
    "training.steps_per_loop=2",
    "training.save_steps=2",
)


def squad(rng: random.Random, number_of_paragraphs: int) -> bytes:
    """Paragraphs that say what somebody saw; of a question in two they say nothing."""
    paragraphs = []
    for number in range(number_of_paragraphs):
        name, animal = rng.choice(["Nora", "Sam"]), rng.choice(race_passages.ANIMALS)
        context = f"{name} went out in the morning and saw a {animal}."
        answer = {"text": animal, "answer_start": context.index(animal)}
        questions = [
            {
                "id": f"{number}-{possible}",
                "question": f"What did {name} {'see' if possible else 'sell'}?",
                "answers": [answer] if possible else [],
                "is_impossible": not possible,
            }
            for possible in (True, False)
        ]
        paragraphs.append({"context": context, "qas": questions})
    return json.dumps({"version": "v2.0", "data": [{"paragraphs": paragraphs}]}).encode()


def question_answering(rng: random.Random) -> tuple[dict[str, object], dict[str, bytes]]:
    settings = {
        "extends": ["sample_question_answering"],
        "vocabulary": {"size": 60},
        "evaluation": {"thresholds": {"best_f1": {"minimum": 0.0}}},
    }
    return settings, {"train.json": squad(rng, 12), "dev.json": squad(rng, 6)}


def pretraining(rng: random.Random) -> tuple[dict[str, object], dict[str, bytes]]:
    settings = {
        "extends": ["sample_pretraining"],
        "vocabulary": {"size": 60},
        "records": {"batch_size": 4, "num_passes": 1},
        "evaluation": {"thresholds": {"perplexity": {"maximum": 1e9}}},
    }
    sentences = (
        f"{rng.choice(['Nora', 'Sam'])} saw a {rng.choice(race_passages.ANIMALS)}."
        for _ in range(2000)
    )
    documents = "\n\n".join("\n".join(next(sentences) for _ in range(10)) for _ in range(200))
    return settings, {"corpus.txt": documents.encode()}


def race(rng: random.Random) -> tuple[dict[str, object], dict[str, bytes]]:
    settings = {
        **CLASSIFICATION,
        "data": {"task": "race"},
        "max_qa_length": 24,
        "evaluation": {"thresholds": {"accuracy": {"minimum": 0.0}}},
    }
    data = {
        f"{split}/{level}/{number}.txt": json.dumps(race_passages.make(rng)).encode()
        for split in ("train", "dev")
        for level in ("middle", "high")
        for number in range(4)
    }
    return settings, data


def regression(rng: random.Random) -> tuple[dict[str, object], dict[str, bytes]]:
    dataset = {
        "name": "lengths",
        "file_format": "tsv",
        "header": True,
        "columns": {"text_a": "text", "label": "length"},
        "label_range": [0, 9],
        "splits": {"train": {"pattern": "train.tsv"}, "eval": {"pattern": "eval.tsv"}},
    }
    settings = {
        **CLASSIFICATION,
        "data": {"dataset": dataset},
        "evaluation": {"thresholds": {"pearson_correlation": {"minimum": -1.0}}},
    }
    lengths = [rng.randrange(1, 9) for _ in range(48)]
    rows = [f"{' '.join(rng.choices(race_passages.ANIMALS, k=n))}\t{n}" for n in lengths]
    data = {
        name: "\n".join(["text\tlength", *part]).encode()
        for name, part in (("train.tsv", rows[:32]), ("eval.tsv", rows[32:]))
    }
    return settings, data


@pytest.mark.parametrize(
    ("make", "metric", "drawn", "pushed"),
    [
        (question_answering, "best_f1", set(), "saved_model.pb"),
        (pretraining, "perplexity", set(), "xlnet_model.ckpt.index"),
        (race, "accuracy", {"confusionMatrix"}, "saved_model.pb"),
        (regression, "pearson_correlation", set(), "saved_model.pb"),
    ],
)
def test_every_kind_of_pipeline_ends_with_a_pushed_model(
    make: Callable[[random.Random], tuple[dict[str, object], dict[str, bytes]]],
    metric: str,
    drawn: set[str],
    pushed: str,
    launch,  # noqa: F811
    volume,  # noqa: F811
    tmp_path,
):
    settings, data = make(random.Random(0))
    preset = tmp_path / "preset.yaml"
    preset.write_text(yaml.safe_dump(settings))
    launcher = launch(str(preset), data, *FEW_UPDATES)
    results = results_of(launcher)
    assert results["blessed"]
    shown = launcher.outputs["Visualization"]
    assert shown["metrics"]["metadata"][metric] == results["metrics"][metric]
    added_by_backend = {"display_name", "store_session_info"}
    assert set(shown["classification"]["metadata"]) - added_by_backend == drawn
    check_pushed(launcher, pushed)
    assert list(volume.rglob("*.index"))
