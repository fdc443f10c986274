import numpy as np
import pytest

from components import tf_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.preprocessing.question_answering import records
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer
from components.records import QUESTION_ANSWERING

PARAGRAPH = Paragraph(
    context="The cat sat on the mat, and the dog lay on the rug. " * 4,
    questions=tuple(
        Question(f"q{i}", "Who lay on the rug? " * (1 + i % 2), (Answer("the dog", 28),), i == 2)
        for i in range(4)
    ),
    article="Pets",
    source="pets.json",
    position=0,
)


@pytest.mark.parametrize("use", ["training", "evaluation"])
def test_records_hold_the_features_of_their_windows(tiny_tokenizer, use):
    config = WindowConfig(64, 24, 16)
    maker = Featurizer(tiny_tokenizer, config, for_training=use == "training")
    encoder = records.RecordEncoder()
    declared = {
        feature.name: feature
        for feature in QUESTION_ANSWERING.features
        if feature.only_for in (None, use)
    }
    num_windows = 0
    for made in maker.featurize(PARAGRAPH):
        for window in made.windows:
            num_windows += 1
            # The largest id takes nine digits.
            ids = {"question_id": made.question.id, "unique_id": 2**63 - num_windows}
            features = records.features(window, **ids)
            decoded = tf_examples.decode(encoder.encode(window, **ids))
            assert list(features) == list(declared)
            assert sorted(decoded) == sorted(declared)
            for name, value in features.items():
                assert decoded[name] == np.atleast_1d(np.array(value, object)).tolist()
                kind = {"bytes": bytes, "int64": int, "float32": float}[declared[name].dtype]
                assert all(isinstance(item, kind) for item in decoded[name])
                assert len(decoded[name]) == (64 if declared[name].per_token else 1)
    assert num_windows > len(PARAGRAPH.questions)


def test_caches_may_overflow(tiny_tokenizer, monkeypatch):
    monkeypatch.setattr(records, "_MAX_SHARED_SPANS", 1)
    monkeypatch.setattr(records, "_MAX_SHARED_LAYOUTS", 1)
    maker = Featurizer(tiny_tokenizer, WindowConfig(40, 8, 16), for_training=False)
    shared = records.RecordEncoder()
    for made in maker.featurize(PARAGRAPH):
        for window in made.windows:
            ids = {"question_id": made.question.id, "unique_id": 1}
            assert shared.encode(window, **ids) == records.RecordEncoder().encode(window, **ids)


def test_unique_ids_are_stable():
    # blake2b of "0:56ddde6b9a695914005b9628" and "1:…", first 8 bytes, little-endian, halved.
    import hashlib

    for window in (0, 1):
        digest = hashlib.blake2b(f"{window}:56ddde6b".encode(), digest_size=8).digest()
        expected = sum(byte << (8 * i) for i, byte in enumerate(digest)) // 2
        assert records.stable_unique_id("56ddde6b", window) == expected
    ids = {records.stable_unique_id(f"q{i}", window) for i in range(2000) for window in range(3)}
    assert len(ids) == 6000
    assert all(0 <= unique_id < 2**63 for unique_id in ids)
    assert records.stable_unique_id("\ud800", 0) >= 0
