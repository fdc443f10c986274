"""Writes a configuration for running text."""

from __future__ import annotations

from collections.abc import Iterator

from components.example_gen.pretraining import corpus
from pipeline.first_configuration import sizes, yaml_text
from pipeline.first_configuration.common_sections import start, texts_of, training
from pipeline.first_configuration.yaml_text import comment_of, line, scalar
from pipeline.first_look.documents import DocumentFindings
from pipeline.first_look.source import Source
from pipeline.first_look.undecided import UndecidedError

_DIVISIONS = tuple(
    ({"train": train, "eval": 1}, seed) for train in (99, 19, 9, 4, 1) for seed in range(20)
)
# From the preset sample_pretraining: segments, and one token in six predicted.
_SEQ_LEN, _REUSE_LEN, _NUM_PREDICT, _MEM_LEN = 64, 32, 10, 48
_BATCH_SIZE = 8
# A shard needs a batch of records in both splits; estimates of pieces may be off by this factor.
_MARGIN = 2


def write(
    findings: DocumentFindings,
    *,
    evaluation: Source | None = None,
    vocabulary: str | None,
    output_root: str | None,
    init_from: str | None,
) -> str:
    """Returns a commented configuration.

    Args:
        findings: what was found in the files.
        evaluation: the files for evaluation; None sets some documents aside.
        vocabulary: path of a SentencePiece model; None trains one.
        output_root: folder for what a run writes; None takes `runs/<name>`.
        init_from: folder of the weights to start from; None starts from random ones.

    Raises:
        UndecidedError: if the documents are too few to hold some out.
    """
    return "\n".join(_lines(findings, evaluation, vocabulary, output_root, init_from)) + "\n"


def divide(findings: DocumentFindings) -> tuple[dict[str, int], int, dict[str, int]]:
    """Returns shares of the splits, the seed of the division, and the documents of each split.

    Raises:
        UndecidedError: if no division leaves enough text in both splits.
    """
    characters = sum(size for _, _, size in findings.places)
    pieces_per_character = findings.lengths.total_pieces() / max(1, characters)
    needed = _MARGIN * _BATCH_SIZE * _SEQ_LEN
    for shares, seed in _DIVISIONS:
        counts = {"train": 0, "eval": 0}
        sizes_of = {"train": 0, "eval": 0}
        for source, number, size in findings.places:
            document = corpus.Document(source, number, ())
            split = corpus.choose_split(document, shares, seed=seed)
            counts[split] += 1
            sizes_of[split] += size
        if min(sizes_of.values()) * pieces_per_character >= needed:
            return shares, seed, counts
    raise UndecidedError(
        f"{findings.source.path} has {len(findings.places):,} documents with about "
        f"{findings.lengths.total_pieces():,} pieces, too few to train on some and judge on "
        f"others, which takes about {2 * needed:,}; separate documents by blank lines, or add text."
    )


def _lines(
    findings: DocumentFindings,
    evaluation: Source | None,
    vocabulary: str | None,
    output_root: str | None,
    init_from: str | None,
) -> Iterator[str]:
    source = findings.source
    seed = 0
    name = yaml_text.name_of(source.path)
    records = findings.lengths.total_pieces() // _SEQ_LEN
    schedule = sizes.schedule(records, batch_size=_BATCH_SIZE, from_weights=bool(init_from))
    yield comment_of(f"Written by `xlnet-pipeline init` from {source.path}.")
    yield "# Run it: xlnet-pipeline run THIS_FILE. All settings: xlnet-pipeline show THIS_FILE."
    yield "# docs/concepts.md explains the settings under `records`."
    yield f"extends: [{schedule.presets}]"
    yield ""
    yield "kind: pretraining"
    yield f"name: {name}"
    yield "data:"
    yield f"  root: {scalar(source.root)}"
    if evaluation is None:
        yield f"  files: {{all: [{scalar(source.pattern)}]}}"
    else:
        pattern = evaluation.pattern_from(source.root)
        yield f"  files: {{train: [{scalar(source.pattern)}], eval: [{scalar(pattern)}]}}"
    yield f"  file_format: {source.file_format}"
    if source.keys:
        yield f"  text_field: {scalar(source.keys[0])}"
    if evaluation is None:
        shares, seed, counts = divide(findings)
        divided = ", ".join(f"{split}: {weight}" for split, weight in shares.items())
        counted = f"{counts['train']:,} and {counts['eval']:,} documents"
        yield line(f"  document_split: {{{divided}}}", counted)
    lost = sum(findings.skipped.values())
    allowed = sizes.dead_letter_share(lost, findings.bytes, is_sample=findings.is_sample)
    if allowed is not None:
        reasons = ", ".join(findings.skipped) or "none among those that were looked at"
        yield line(f"  max_dead_letter_share: {allowed}", f"lines that are skipped: {reasons}")
    yield from start(findings.lengths, vocabulary=vocabulary, init_from=init_from)
    known = texts_of(init_from)
    accents = known.keep_accents if vocabulary else findings.lengths.has_accents
    yield "records:"
    decides = "also decides which documents are held out" if evaluation is None else ""
    yield line(f"  seed: {seed}", decides)
    yield f"  batch_size: {_BATCH_SIZE}"
    yield f"  seq_len: {_SEQ_LEN}"
    yield f"  reuse_len: {_REUSE_LEN}"
    yield "  bi_data: false"
    yield f"  uncased: {'true' if known.uncased else 'false'}"
    if accents:
        yield "  keep_accents: true"
    yield f"  num_predict: {_NUM_PREDICT}"
    yield "  mask_alpha: 6"
    yield "  mask_beta: 1"
    yield "  max_gram: 3"
    more = [f"eval_batch_size: {_BATCH_SIZE}"]
    yield from training(schedule, records, more=more, options=[f"mem_len: {_MEM_LEN}"])
    yield "evaluation:"
    yield "  thresholds:"
    size = sizes.vocabulary_size(
        findings.lengths.distinct_words, findings.lengths.distinct_characters
    )
    maximum = 1000.0 if vocabulary else size / 2
    guess = "" if vocabulary else f"guessing all pieces evenly gives {size}"
    yield line(f"    perplexity: {{maximum: {maximum}, maximum_rise: 1.0}}", guess)
    yield f"run: {{output_root: {scalar(output_root or f'runs/{name}')}}}"
