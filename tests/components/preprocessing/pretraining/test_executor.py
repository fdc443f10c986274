"""The component as TFX runs it: from raw Examples on disk to records and their manifest."""

import json

import pytest
from tfx.types import channel_utils, standard_artifacts

from components import artifacts, files, manifest, tf_examples, tfrecords
from components.example_gen.pretraining import corpus
from components.example_gen.pretraining.corpus import Document
from components.preprocessing.pretraining import component, executor
from components.preprocessing.pretraining.pipeline import CorpusTooSmallError
from tests.components.preprocessing.pretraining.conftest import make_documents
from tests.components.preprocessing.pretraining.test_pipeline import CONFIG


@pytest.fixture
def inputs(tmp_path, tokenizer):
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    examples.split_names = json.dumps(["train", "eval"])
    for seed, split in enumerate(("train", "eval")):
        documents = [
            Document("a.txt", number, lines)
            for number, lines in enumerate(make_documents(30, seed))
        ]
        tfrecords.write_records(
            f"{examples.uri}/Split-{split}/documents-0.gz",
            map(corpus.document_to_example, documents),
        )
    model = artifacts.SentencePieceModel()
    model.uri = str(tmp_path / "vocabulary")
    files.write_bytes(artifacts.sentencepiece_model_path(model.uri), tokenizer.vocabulary.model)
    return {"examples": [examples], "sentencepiece_model": [model]}


def run(inputs, tmp_path, local_beam):
    made = component.PretrainingPreprocessor(
        examples=channel_utils.as_channel(inputs["examples"]),
        sentencepiece_model=channel_utils.as_channel(inputs["sentencepiece_model"]),
        config=CONFIG,
    )
    records = standard_artifacts.Examples()
    records.uri = str(tmp_path / "records")
    executor.Executor(local_beam).Do(inputs, {"records": [records]}, dict(made.exec_properties))
    return records


def test_records_manifest_and_vocabulary(inputs, tmp_path, tokenizer, local_beam):
    records = run(inputs, tmp_path, local_beam)
    assert set(json.loads(records.split_names)) == {"train", "eval"}
    made = manifest.read(records.uri)
    made.check_agrees({"seq_len": 32, "reuse_len": 16, "bi_data": True, "num_cores": 1})
    assert made.parameters["vocabulary_size"] == tokenizer.vocabulary.size
    assert made.vocabulary_sha256 == files.sha256(
        files.read_bytes(artifacts.sentencepiece_model_path(records.uri))
    )
    for split in ("train", "eval"):
        names = made.shards[split]
        assert len(names) == 2 * 3  # passes, shards
        found = [r for name in names for r in tfrecords.read_records(f"{records.uri}/{name}")]
        assert len(found) == made.counts[f"{split}/records"] > 0
        assert sum(tf_examples.decode(found[0])["is_masked"]) == CONFIG.num_predict


def test_a_corpus_that_fills_no_batch_is_an_error(inputs, tmp_path, local_beam):
    tfrecords.write_records(
        f"{inputs['examples'][0].uri}/Split-eval/documents-0.gz",
        [corpus.document_to_example(Document("a.txt", 1, ["Kalo."]))],
    )
    with pytest.raises(CorpusTooSmallError, match=r"'eval' has .* tokens"):
        run(inputs, tmp_path, local_beam)
    with pytest.raises(manifest.ManifestError, match=r"no manifest\.json"):
        manifest.read(str(tmp_path / "records"))
