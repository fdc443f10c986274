"""Documents reach their shards through the runner or through files: the same bytes either way."""

import collections
import dataclasses
import io
import logging

import apache_beam as beam
import pytest

from benchmarks import slow_files
from components import beam_workers, files
from components.preprocessing.pretraining import blocks, exchange, pipeline
from components.preprocessing.pretraining.plan import make_plan
from components.preprocessing.pretraining.unfinished_files import UnfinishedFiles
from tests.components.preprocessing.pretraining.test_pipeline import (
    CONFIG,
    contents,
    run,
    write_corpus,
)

# Beam's own job server, which runs in this process and is spoken to as Flink's and Spark's are.
PORTABLE = ("--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data") / "corpus"
    write_corpus(directory)
    return directory


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(pipeline, "_BLOCK_TOKENS", 2000)
    monkeypatch.setattr(pipeline, "_RANGE_BYTES", 4000)
    monkeypatch.setattr(pipeline, "_CHARACTERS_AT_ONCE", 1000)


def through_runner(monkeypatch):
    monkeypatch.setattr(exchange, "suited_to", lambda _, *, folder: exchange.ThroughRunner())


@pytest.mark.parametrize("num_shards", [1, 10, 300])
def test_both_ways_give_the_same_bytes(
    tokenizer, corpus, tmp_path, monkeypatch, small_blocks, num_shards
):
    config = dataclasses.replace(CONFIG, num_shards=num_shards)
    run(tokenizer, corpus, tmp_path / "files", config=config)
    through_runner(monkeypatch)
    run(tokenizer, corpus, tmp_path / "runner", config=config)

    found = contents(tmp_path / "files")
    assert [name for name in found if name.startswith("Split-train/")]
    assert found == contents(tmp_path / "runner")


def test_a_runner_with_a_job_server_gets_the_documents_themselves(
    tokenizer, corpus, tmp_path, monkeypatch
):
    run(tokenizer, corpus, tmp_path / "files")
    written = []
    monkeypatch.setattr(exchange.ThroughFiles, "send", lambda *_: written.append(True) or iter(()))
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    run(tokenizer, corpus, tmp_path / "runner", beam_pipeline_args=PORTABLE)

    assert not written
    assert contents(tmp_path / "files") == contents(tmp_path / "runner")


@pytest.mark.parametrize(
    ("runner", "local"),
    [("FnApiRunner", True), ("DirectRunner", True), ("PortableRunner", False)],
)
def test_the_runner_decides(runner, local):
    found = beam.Pipeline(runner=runner)
    assert beam_workers.are_local(found) == local
    kind = exchange.ThroughFiles if local else exchange.ThroughRunner
    assert isinstance(exchange.suited_to(found, folder="/nowhere"), kind)


def attempt(make_fn, elements):
    """One try at a bundle, as a generator that stops after each element; returns the outputs."""
    fn, outputs = make_fn(), []
    fn.setup()
    fn.start_bundle()
    for element in elements:
        outputs += fn.process(element)
        yield None
    outputs += [value.value for value in fn.finish_bundle() or ()]
    fn.teardown()
    yield outputs


def run_twice(make_fn, elements):
    """Outputs of a bundle of which another try runs at the same time, after one that broke off."""
    next(attempt(make_fn, elements))
    both = zip(*(attempt(make_fn, elements) for _ in range(2)), strict=True)
    return list(both)[-1][0]


@pytest.mark.parametrize("way", ["files", "runner"])
def test_bundles_may_run_twice_and_at_once(tokenizer, corpus, tmp_path, small_blocks, way):
    expected = tmp_path / "expected"
    run(tokenizer, corpus, expected)
    plan = make_plan(
        inputs={"train": [str(corpus / "*")]},
        output_directory=str(tmp_path / "out"),
        config=CONFIG,
        tokenizer=tokenizer,
        file_format="text",
    )
    through = (
        exchange.ThroughFiles(plan.working_directory)
        if way == "files"
        else exchange.ThroughRunner()
    )
    whole = [(split, file.path, file.size) for split in plan.inputs for file in plan.inputs[split]]
    ranges = [(key, [found]) for key, found in pipeline._ranges((0, whole), plan)]
    assert len(ranges) > 8
    shards = collections.defaultdict(list)
    for begin in range(0, len(ranges), 5):
        for output in run_twice(
            lambda: pipeline._Tokenise(plan, through), ranges[begin : begin + 5]
        ):
            if not isinstance(output, beam.pvalue.TaggedOutput):
                shards[output[0]].append(output[1])
    run_twice(lambda: pipeline._Build(plan, through), list(shards.items()))

    files.remove(plan.working_directory)
    records = {
        name: content for name, content in contents(expected).items() if name.endswith(".tfrecord")
    }
    assert contents(tmp_path / "out") == records


def count_requests(tokenizer, corpus, output, num_shards, monkeypatch):
    log = output.parent / f"{output.name}.log"
    monkeypatch.setenv(slow_files.LOG_VARIABLE, str(log))
    run(
        tokenizer,
        corpus,
        f"slow://{output}",
        config=dataclasses.replace(CONFIG, num_shards=num_shards, num_passes=1),
    )
    return collections.Counter(log.read_text())


@pytest.mark.parametrize("way", ["files", "runner"])
def test_requests_to_a_bucket_do_not_depend_on_the_exchange(
    tokenizer, tmp_path, monkeypatch, small_blocks, way
):
    """The corpus is on the disk, and the output in a bucket: all requests are counted."""
    if way == "runner":
        through_runner(monkeypatch)
    found = {}
    for num_files in (8, 24):
        corpus = tmp_path / f"corpus-{num_files}"
        write_corpus(corpus, num_files=num_files)
        for num_shards in (1, 10):
            output = tmp_path / f"{num_files}-{num_shards}"
            found[num_files, num_shards] = count_requests(
                tokenizer, corpus, output, num_shards, monkeypatch
            )
    # Records, summary, vocabulary and manifest are written, and only the summary is read back.
    for (_, num_shards), requests in found.items():
        assert requests["w"] == num_shards + 3
        assert requests["r"] == found[8, 1]["r"] <= 2
    # Three times the text takes not one request more.
    assert found[8, 10] == found[24, 10]


def test_a_section_that_was_cut_off_is_an_error(tmp_path):
    key = blocks.ShardKey("train", 0, 0)
    through = exchange.ThroughFiles(str(tmp_path))
    ((_, sent),) = through.send([(key, b"0123456789")])
    assert through.receive(sent) == b"0123456789"
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(EOFError, match="run it again"):
        through.receive(sent)


def test_an_upload_that_fails_fails_the_bundle(tmp_path, monkeypatch):
    class Refused(io.BytesIO):
        def __exit__(self, *error):
            raise OSError("may not write")

    unfinished = UnfinishedFiles()
    unfinished.write_records(str(tmp_path / "good.tfrecord"), [b"a"])
    monkeypatch.setattr(files, "open_atomically", lambda _: Refused())
    unfinished.write_records(str(tmp_path / "bad.tfrecord"), [b"a"])
    with pytest.raises(OSError, match="may not write"):
        unfinished.finish()
    assert (tmp_path / "good.tfrecord").exists()
    unfinished.close()


def test_records_that_cannot_be_made_leave_no_file(tmp_path):
    def broken():
        yield b"a"
        raise ValueError("no more")

    unfinished = UnfinishedFiles()
    with pytest.raises(ValueError, match="no more"):
        unfinished.write_records(str(tmp_path / "a.tfrecord"), broken())
    unfinished.finish()
    assert not list(tmp_path.iterdir())
