import bz2
import dataclasses
import gzip
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from components import manifest as manifest_lib
from components import tfrecords
from components.dead_letters import TooManyDeadLettersError
from components.preprocessing.pretraining import pipeline
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.preprocessing.pretraining.pipeline import CorpusTooSmallError
from components.records import PRETRAINING
from tests.components.preprocessing.digests import sha256_of_records
from tests.components.preprocessing.pretraining.conftest import make_documents

CONFIG = PretrainingDataConfig(
    seed=1,
    batch_size=4,
    seq_len=32,
    reuse_len=16,
    bi_data=True,
    uncased=False,
    num_predict=6,
    mask_alpha=6,
    mask_beta=1,
    max_gram=3,
    num_passes=2,
    num_shards=3,
)


def write_corpus(directory, *, num_files=4, seed=1) -> None:
    directory.mkdir(exist_ok=True)
    for number in range(num_files):
        documents = make_documents(15, seed + number)
        text = "\n\n".join("\n".join(lines) for lines in documents)
        (directory / f"part-{number}.txt").write_text(text)


def run(tokenizer, corpus, output, **overrides) -> manifest_lib.Manifest:
    return pipeline.preprocess(
        **{
            "inputs": {"train": [str(corpus / "*")]},
            "output_directory": str(output),
            "config": CONFIG,
            "tokenizer": tokenizer,
            "file_format": "text",
            **overrides,
        }
    )


def contents(directory) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data") / "corpus"
    write_corpus(directory)
    return directory


@pytest.fixture(scope="module")
def first_run(tokenizer, corpus, tmp_path_factory):
    output = tmp_path_factory.mktemp("first")
    return output, run(tokenizer, corpus, output)


def test_the_manifest_says_what_there_is(tokenizer, first_run):
    output, manifest = first_run

    assert manifest_lib.read(str(output)) == manifest
    names = [
        f"Split-train/pretraining-pass-00{p}-0000{s}-of-00003.tfrecord"
        for p in range(2)
        for s in range(3)
    ]
    assert manifest.shards == {"train": names}
    assert manifest.digests == sha256_of_records(output, manifest.shards)
    assert set(contents(output)) == {*names, "manifest.json", "spiece.model"}
    manifest.check_agrees(
        {
            "record_type": "pretraining",
            "vocabulary_sha256": tokenizer.vocabulary.sha256,
            "batch_size": 4,
            "seq_len": 32,
            "reuse_len": 16,
            "bi_data": True,
            "uncased": False,
            "num_predict": 6,
            "mask_alpha": 6,
            "mask_beta": 1,
            "max_gram": 3,
            "mask_strategy": "token_span",
            "use_eod": True,
            "num_passes": 2,
            "num_cores": 1,
            "seed": 1,
        }
    )
    documents = [document for number in range(4) for document in make_documents(15, 1 + number)]
    assert manifest.counts["train/documents"] == 60
    assert manifest.counts["train/lines"] == sum(map(len, documents))
    tokens = sum(len(tokenizer.encode(line)) for lines in documents for line in lines)
    assert manifest.counts["train/tokens"] == tokens + 60


def test_every_token_is_in_a_batch_or_counted_as_left_out(tokenizer, tmp_path):
    documents = ["\u200b", *["Kalo mi nu."] * 9]
    documents += ["\n".join(lines) for lines in make_documents(9, 1)]
    (tmp_path / "a.txt").write_text("\n\n".join(documents))
    config = dataclasses.replace(CONFIG, num_shards=20)

    counts = run(
        tokenizer, tmp_path, tmp_path / "out", config=config, inputs={"train": [f"{tmp_path}/*"]}
    ).counts

    assert counts["train/documents without tokens"] == 1
    assert counts["train/shards without a batch"] > 0
    # `bi_data` reads each of two streams in both directions. The first batch takes 32 tokens of a
    # stream, and each further one 16.
    used = sum(
        2 * (32 + 16 * (number // 4 - 1))
        for name, number in counts.items()
        if name.startswith("records_of/")
    )
    left_out = counts["train/tokens in shards without a batch"] + counts["train/tokens at row ends"]
    assert used + left_out == 2 * counts["train/tokens"]


def test_records_are_whole_batches_of_the_texts_tokens(tokenizer, corpus, first_run):
    output, manifest = first_run
    documents = [document for number in range(4) for document in make_documents(15, 1 + number)]
    known = set()
    for lines in documents:
        ids = [i for line in lines for i in tokenizer.encode(line)] + [7]
        known.update(zip(ids, ids[1:], ids[2:], strict=False))
    description = PRETRAINING.feature_description(32, use="training")
    total = 0
    for name in manifest.shards["train"]:
        records = list(tfrecords.read_records(str(output / name)))
        assert len(records) % 4 == 0
        assert len(records) == manifest.counts[f"records_of/{name}"] > 0
        assert manifest.counts[f"max_masked_of/{name}"] == 6
        total += len(records)
        inputs = tf.io.parse_example(records, description)["input"].numpy().reshape(-1, 4, 32)
        # Rows 0 and 1 run forward, 2 and 3 backward; the reused part is running text.
        for row in inputs[:, :2, :16].reshape(-1, 16).tolist():
            inside = [t for t in zip(row, row[1:], row[2:], strict=False) if 7 not in t[:2]]
            assert known.issuperset(inside)
    assert total == manifest.counts["train/records"]


@pytest.mark.parametrize(
    "beam_arguments",
    [
        ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_threading"),
        ("--runner=FnApiRunner",),
    ],
)
def test_bytes_do_not_depend_on_workers_blocks_ranges_and_place(
    tokenizer, corpus, first_run, tmp_path, monkeypatch, beam_arguments
):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in corpus.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(pipeline, "_BLOCK_TOKENS", 500)
    monkeypatch.setattr(pipeline, "_RANGE_BYTES", 2000)
    monkeypatch.setattr(pipeline, "_CHARACTERS_AT_ONCE", 300)

    run(tokenizer, moved, tmp_path / "out", beam_pipeline_args=beam_arguments)

    assert contents(tmp_path / "out") == contents(first_run[0])


def test_passes_and_seeds_give_other_records(tokenizer, corpus, first_run, tmp_path):
    output, manifest = first_run
    config = dataclasses.replace(CONFIG, seed=2, num_passes=1)

    run(tokenizer, corpus, tmp_path, config=config)

    shards = {name: (output / name).read_bytes() for name in manifest.shards["train"]}
    assert len(set(shards.values())) == 6
    others = contents(tmp_path)
    assert all(others[name] != shards[name] for name in others if name in shards)


def test_a_rerun_over_the_remains_of_another_is_clean(tokenizer, corpus, first_run, tmp_path):
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "working/blocks").mkdir(parents=True)
    stray = "Split-train/pretraining-pass-000-00001-of-00003.tfrecord"
    for name in (stray, stray + ".abc.partial", "working/blocks/block-1", "manifest.json"):
        (tmp_path / name).write_bytes(b"half-writ")

    run(tokenizer, corpus, tmp_path)

    assert contents(tmp_path) == contents(first_run[0])


def test_killed_and_run_again_gives_the_same_bytes(
    tokenizer, corpus, first_run, tmp_path, project_root
):
    model = tmp_path / "spiece.model"
    model.write_bytes(tokenizer.vocabulary.model)
    output = tmp_path / "out"
    arguments = {
        "inputs": {"train": [str(corpus / "*")]},
        "output_directory": str(output),
        "file_format": "text",
    }
    program = f"""
from components.preprocessing.pretraining import config, pipeline
from components.tokenization.tokenizer import Tokenizer

while True:
    pipeline.preprocess(
        config=config.PretrainingDataConfig(**{dataclasses.asdict(CONFIG)!r}),
        tokenizer=Tokenizer.from_file({str(model)!r}),
        **{arguments!r},
    )
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=project_root, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not list(output.glob("Split-train/*")):
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.001)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    run(tokenizer, corpus, output)

    assert contents(output) == contents(first_run[0])


def test_compressed_files_splits_and_ids_are_read(tokenizer, tmp_path):
    documents = make_documents(40, 5)
    text = "\n\n".join("\n".join(lines) for lines in documents)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "b.txt.bz2").write_bytes(bz2.compress(text.encode()))
    ids = "\n\n".join(
        "\n".join(" ".join(map(str, tokenizer.encode(line))) for line in lines)
        for lines in documents
    )
    (tmp_path / "plain.txt").write_text(text)
    (tmp_path / "same").mkdir()
    (tmp_path / "same/plain.txt").write_text(ids)
    config = dataclasses.replace(CONFIG, num_shards=1, num_passes=1)

    both = run(
        tokenizer,
        tmp_path,
        tmp_path / "both",
        config=config,
        inputs={"train": [str(tmp_path / "a*")], "eval": [str(tmp_path / "b*")]},
    )
    plain = {"train": [str(tmp_path / "plain.txt")]}
    run(tokenizer, tmp_path, tmp_path / "text_out", config=config, inputs=plain)
    same = {"train": [str(tmp_path / "same/plain.txt")]}
    from_ids = run(
        tokenizer,
        tmp_path,
        tmp_path / "ids_out",
        config=config,
        inputs=same,
        from_raw_text=False,
    )

    assert both.counts["train/tokens"] == both.counts["eval/tokens"]
    (train,), (evaluation,) = both.shards["train"], both.shards["eval"]
    records = contents(tmp_path / "both")
    assert records[train] != records[evaluation]
    # Ids instead of the text that they come from: the same records.
    assert not from_ids.parameters["from_raw_text"]
    name = from_ids.shards["train"][0]
    assert contents(tmp_path / "text_out")[name] == contents(tmp_path / "ids_out")[name]


def test_dead_letters_are_kept_counted_and_bounded(tokenizer, corpus, tmp_path):
    # The dead letters are named by the end of this path, which is longer than names may be.
    data = tmp_path.joinpath(*["ü" * 60] * 3)
    data.mkdir(parents=True)
    write_corpus(data)
    with (data / "part-2.txt").open("ab") as file:
        file.write(b"\nbad \xff line\n")

    manifest = run(tokenizer, data, tmp_path / "out")

    assert manifest.counts["train/dead_letters/not UTF-8"] == 1
    (path,) = (tmp_path / "out/dead_letters").iterdir()
    letter = json.loads(path.read_text())
    assert letter["source"] == str(data / "part-2.txt")
    lines = (data / "part-2.txt").read_bytes().split(b"\n")
    assert lines[int(letter["position"]) - 1] == b"bad \xff line"

    with (data / "part-2.txt").open("ab") as file:
        file.write(b"another bad \xff line\n" * 9)
    with pytest.raises(TooManyDeadLettersError, match="not UTF-8: 10") as raised:
        run(tokenizer, data, tmp_path / "out")
    assert str(tmp_path / "out/dead_letters") in str(raised.value)
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_corpus_too_small_for_a_batch_is_an_error(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text("Kalo mi nu.\n")

    with pytest.raises(CorpusTooSmallError, match="needs 64 tokens in a shard"):
        run(tokenizer, tmp_path, tmp_path / "out", inputs={"train": [str(tmp_path / "a.txt")]})

    assert not (tmp_path / "out/manifest.json").exists()


def test_text_without_blank_lines_is_one_document(tokenizer, tmp_path):
    lines = [line for document in make_documents(60, 3) for line in document]
    (tmp_path / "a.txt").write_text("\n".join(lines))

    manifest = run(
        tokenizer, tmp_path, tmp_path / "out", inputs={"train": [str(tmp_path / "a.txt")]}
    )

    assert manifest.counts["train/documents"] == 1
    assert manifest.counts["train/records"] > 0
    # All of it is in one shard of each pass.
    assert manifest.counts["train/lines"] == len(lines)
    assert len(manifest.shards["train"]) == 2
