import dataclasses

import pytest

from components.files import NoSuchFilesError
from components.preprocessing import records_job
from components.preprocessing.pretraining import plan as plan_lib
from components.preprocessing.pretraining.config import (
    PretrainingDataConfig,
    PretrainingDataConfigError,
)

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
    shard_tokens=10_000,
)


def make(tokenizer, tmp_path, **overrides):
    return plan_lib.make_plan(
        **{
            "inputs": {"train": [str(tmp_path / "*.txt*")]},
            "output_directory": str(tmp_path / "out"),
            "config": CONFIG,
            "tokenizer": tokenizer,
            "file_format": "text",
            **overrides,
        }
    )


def test_number_of_shards_follows_the_size_of_the_text(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x" * 80_000)
    (tmp_path / "b.txt.gz").write_bytes(b"x" * 40_000)

    # 80,000 bytes, and 40,000 compressed ones for 120,000: at 4 bytes a token 50,000 tokens.
    plan = make(tokenizer, tmp_path)

    assert plan.num_shards == {"train": 5}
    assert plan.shard_name("train", 2, 3) == (
        "Split-train/pretraining-pass-002-00003-of-00005.tfrecord"
    )
    assert [file.path for file in plan.inputs["train"]] == [
        str(tmp_path / "a.txt"),
        str(tmp_path / "b.txt.gz"),
    ]


def test_a_shard_is_large_enough_for_its_batches(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x" * 400_000)
    wide = PretrainingDataConfig(
        seed=1,
        batch_size=64,
        seq_len=128,
        reuse_len=64,
        bi_data=True,
        uncased=False,
        num_predict=None,
        mask_alpha=6,
        mask_beta=1,
        shard_tokens=10,
    )

    # 64 batches of 32 streams take 32 * (128 + 64 * 64) = 135,168 tokens of the 100,000.
    assert make(tokenizer, tmp_path, config=wide).num_shards == {"train": 1}


@pytest.mark.parametrize("setting", ["num_shards", "shard_tokens"])
def test_a_shard_that_no_worker_can_hold_is_refused(tokenizer, tmp_path, setting):
    with (tmp_path / "a.txt").open("wb") as file:
        # 2^27 tokens, in a file without content.
        file.truncate(4 << 27)
    # By hand: twice 2^26 tokens, with 30 bytes each.
    config = dataclasses.replace(CONFIG, **{setting: {"num_shards": 1}.get(setting, 1 << 27)})
    with pytest.raises(PretrainingDataConfigError, match=f"^{setting} is ") as raised:
        make(tokenizer, tmp_path, config=config)
    assert "about 134,217,728 tokens" in str(raised.value)
    assert "here 4.0 GB. Set num_shards to at least 2, or" in str(raised.value)
    assert make(
        tokenizer, tmp_path, config=dataclasses.replace(CONFIG, num_shards=2)
    ).num_shards == {"train": 2}


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["a.txt"], ""), (["x/a.txt", "x/b.txt"], "x"), (["x/a.txt", "xy/b.txt", "x/z/c.txt"], "")],
)
def test_common_directory(tokenizer, tmp_path, names, expected):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("text")

    plan = make(tokenizer, tmp_path, inputs={"train": [str(tmp_path / name) for name in names]})

    assert plan.common_directory == str(tmp_path / expected).rstrip("/")


def test_bad_input_is_named_before_anything_runs(tokenizer, tmp_path):
    with pytest.raises(NoSuchFilesError, match=r"\*\.txt\*.*'train'"):
        make(tokenizer, tmp_path)
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(plan_lib.NoTextError, match="all empty"):
        make(tokenizer, tmp_path)
    (tmp_path / "a.txt").write_bytes(b"text")
    with pytest.raises(PretrainingDataConfigError, match="'csv'; legal are text"):
        make(tokenizer, tmp_path, file_format="csv")
    with pytest.raises(PretrainingDataConfigError, match="inputs is empty"):
        make(tokenizer, tmp_path, inputs={})
    tokenizer_of_another_case = type(tokenizer)(tokenizer.vocabulary, uncased=True)
    with pytest.raises(PretrainingDataConfigError, match="uncased is False"):
        make(tokenizer_of_another_case, tmp_path)


def test_clearing_removes_what_runs_write_and_nothing_else(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"text")
    out = tmp_path / "out"
    for name in ("manifest.json", "working/blocks/b", "dead_letters/x", "Split-train/old.tfrecord"):
        (out / name).parent.mkdir(exist_ok=True, parents=True)
        (out / name).write_text("left")
    (out / "notes.txt").write_text("the user's own")

    records_job.clear_output(make(tokenizer, tmp_path))

    assert [path.name for path in out.rglob("*")] == ["notes.txt"]
