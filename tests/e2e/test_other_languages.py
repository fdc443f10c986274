"""Thai, whose words end in marks: from files to a served answer with its last mark."""

import itertools
import json
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the tokenizer's operations)
import yaml

pytestmark = pytest.mark.e2e

NAMES = ("สมชาย", "มานี", "ปู่", "แม่", "พี่", "วีระ", "ชูใจ", "น้า", "ป้า", "ดำ")
# Six of eight end in a mark, or in the letter that SentencePiece takes apart.
PLACES = ("เชียงใหม่", "แพร่", "บ้านปู่", "ถ้ำ", "กระบี่", "วังน้ำ", "ดอยคำ", "สุโขทัย")
MARKED = tuple(place for place in PLACES if place != "สุโขทัย")


def paragraphs():
    for number, (name, place, other) in enumerate(itertools.product(NAMES, PLACES, PLACES)):
        context = f"{name}อยู่ที่{place} แต่ไปเที่ยว{other}ทุกปี"
        answer = {"text": place, "answer_start": len(f"{name}อยู่ที่")}
        asked = {"id": str(number), "question": f"{name}อยู่ที่ไหน", "answers": [answer]}
        yield {"context": context, "qas": [asked]}


def write_squad(path: pathlib.Path, chosen) -> None:
    articles = [
        {"title": str(number), "paragraphs": [paragraph]} for number, paragraph in enumerate(chosen)
    ]
    path.write_text(json.dumps({"data": articles}, ensure_ascii=False))


def test_a_served_answer_has_its_last_mark(tmp_path):
    everything = list(paragraphs())
    write_squad(tmp_path / "train.json", [p for i, p in enumerate(everything) if i % 8])
    write_squad(tmp_path / "dev.json", everything[::8])
    configuration = {
        "extends": ["sample_question_answering"],
        "name": "thai",
        "data": {
            "root": str(tmp_path),
            "files": {"train": "train.json", "eval": "dev.json"},
        },
        # More than the texts allow: it is made as large as they do.
        "vocabulary": {"size": 5000, "keep_accents": True},
        "windows": {"max_seq_length": 48, "doc_stride": 24},
        "decoding": {"max_answer_length": 40},
        "training": {
            "batch_size": 16,
            "train_steps": 250,
            "eval_steps_interval": 250,
            "warmup_steps": 50,
            # More than there are: it shrinks.
            "eval_batch_size": 500,
        },
        "evaluation": {"thresholds": {"best_exact": {"minimum": 50.0}}},
        "run": {"output_root": str(tmp_path / "out")},
    }
    path = tmp_path / "thai.yaml"
    path.write_text(yaml.safe_dump(configuration, allow_unicode=True))
    process = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "run", str(path)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "eval_batch_size is 500, but the evaluation split holds 80 records" in process.stderr
    assert "pieces instead of 5,000" in process.stderr
    (version,) = (tmp_path / "out" / "serving").iterdir()
    answer = tf.saved_model.load(str(version)).signatures["serving_default"]
    asked = [p for p in everything[::8] if p["qas"][0]["answers"][0]["text"] in MARKED]
    found = answer(
        question=tf.constant([p["qas"][0]["question"] for p in asked]),
        context=tf.constant([p["context"] for p in asked]),
    )["answer"]
    right = [
        text.decode() == p["qas"][0]["answers"][0]["text"]
        for text, p in zip(found.numpy(), asked, strict=True)
    ]
    assert sum(right) > 0.5 * len(right)
