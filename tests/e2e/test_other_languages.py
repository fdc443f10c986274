"""Thai, whose words end in marks: from files to a served answer with its last mark.

Once with characters in the vocabulary, once with a vocabulary that spells every one of them by its
bytes.
"""

import io
import itertools
import json
import pathlib
import subprocess
import sys

import pytest
import sentencepiece
import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the tokenizer's operations)
import yaml

from components.tokenization import special_ids

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


def byte_model() -> bytes:
    """Has learnt from English alone."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["the cat sat on the mat", "the dog lay on the rug"] * 9),
        model_writer=model,
        vocab_size=310,
        hard_vocab_limit=False,
        byte_fallback=True,
        control_symbols=list(special_ids.CONTROL_SYMBOLS),
        user_defined_symbols=list(special_ids.USER_DEFINED_SYMBOLS),
        unk_id=special_ids.UNK_ID,
        bos_id=special_ids.BOS_ID,
        eos_id=special_ids.EOS_ID,
        pad_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


@pytest.mark.parametrize("spelling", ["characters", "bytes"])
def test_a_served_answer_has_its_last_mark(tmp_path, spelling):
    everything = list(paragraphs())
    write_squad(tmp_path / "train.json", [p for i, p in enumerate(everything) if i % 8])
    write_squad(tmp_path / "dev.json", everything[::8])
    vocabulary = {"size": 5000, "keep_accents": True}
    seq_len = 48
    if spelling == "bytes":
        (tmp_path / "bytes.model").write_bytes(byte_model())
        vocabulary = {"model": str(tmp_path / "bytes.model"), "keep_accents": True}
        seq_len = 256
    configuration = {
        "extends": ["sample_question_answering"],
        "name": "thai",
        "data": {
            "root": str(tmp_path),
            "files": {"train": "train.json", "eval": "dev.json"},
        },
        "vocabulary": {"size": None, "model": None, **vocabulary},
        "windows": {"max_seq_length": seq_len, "doc_stride": seq_len // 2},
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
    if spelling == "characters":
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
