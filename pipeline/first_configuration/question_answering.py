"""Writes a configuration for SQuAD files."""

from __future__ import annotations

from collections.abc import Iterator

from components.example_gen.question_answering import squad
from pipeline.first_configuration import sizes, yaml_text
from pipeline.first_configuration.common_sections import start, training
from pipeline.first_configuration.yaml_text import comment_of, line, scalar
from pipeline.first_look.questions import QuestionFindings
from pipeline.first_look.text_lengths import TextLengths
from pipeline.first_look.undecided import UndecidedError

# With few articles, a hash may leave a split empty; then other shares and seeds are tried.
_DIVISIONS = tuple(
    ({"train": train, "eval": 1}, seed) for train in (9, 4, 2, 1) for seed in range(20)
)
# The least part of the questions that should be there for evaluation.
_MIN_EVAL_SHARE = 0.05
_MAX_WINDOW = 384
_MAX_ANSWER = 64
# F1 in percent that a model must reach above leaving every question unanswered.
_BETTER_THAN_NOTHING = 1.0


def write(
    findings: QuestionFindings,
    *,
    evaluation: QuestionFindings | None = None,
    vocabulary: str | None,
    output_root: str | None,
    init_from: str | None,
) -> str:
    """Returns a commented configuration.

    Args:
        findings: what was found in the files.
        evaluation: what was found in the files for evaluation; None sets some articles aside.
        vocabulary: path of a SentencePiece model; None trains one.
        output_root: folder for what a run writes; None takes `runs/<name>`.
        init_from: folder of the weights to start from; None starts from random ones.

    Raises:
        UndecidedError: if the articles cannot be divided, or questions have no labels.
    """
    return "\n".join(_lines(findings, evaluation, vocabulary, output_root, init_from)) + "\n"


def divide(findings: QuestionFindings) -> tuple[dict[str, int], int, dict[str, int]]:
    """Returns shares of the splits, the seed of the division, and the questions of each split.

    Raises:
        UndecidedError: if no division gives both splits questions that can be judged.
    """
    path = findings.source.path
    for shares, seed in _DIVISIONS:
        counts = {"train": 0, "eval": 0}
        for article, count in findings.articles.items():
            split = squad.split_of_article(article, weights=shares, seed=seed)
            counts[split] += count
            if split == "eval" and article in findings.unlabelled:
                break
        else:
            if counts["train"] and counts["eval"] >= _MIN_EVAL_SHARE * findings.total:
                return shares, seed, counts
    _check_labelled(findings)
    number = "1 article" if len(findings.articles) == 1 else f"{len(findings.articles):,} articles"
    raise UndecidedError(
        f"The {findings.total:,} questions of {path} belong to {number} by "
        "their titles, and an article is never divided between training and evaluation; "
        "give the paragraphs of different topics different titles."
    )


def _check_labelled(findings: QuestionFindings) -> None:
    if findings.first_unlabelled:
        raise UndecidedError(
            f"{sum(findings.unlabelled.values()):,} questions of {findings.source.path} have "
            f"neither an answer nor `is_impossible: true` (the first is "
            f"{findings.first_unlabelled}), and what is evaluated must be labelled; label or "
            "remove them."
        )


def _lines(
    findings: QuestionFindings,
    evaluation: QuestionFindings | None,
    vocabulary: str | None,
    output_root: str | None,
    init_from: str | None,
) -> Iterator[str]:
    source = findings.source
    if not findings.answerable:
        raise UndecidedError(
            f"No question of {source.path} has an answer, so there is nothing to learn; add "
            "`answers` with `text` and `answer_start` to the questions."
        )
    judged = evaluation or findings
    if evaluation is None:
        shares, seed, counts = divide(findings)
    else:
        _check_labelled(evaluation)
        shares, seed, counts = {}, 0, {"train": findings.total, "eval": evaluation.total}
    name = yaml_text.name_of(source.path)
    # A paragraph gives about as many windows as it has questions.
    schedule = sizes.schedule(counts["train"], epochs=10, from_weights=bool(init_from))
    yield comment_of(f"Written by `xlnet-pipeline init` from {source.path}.")
    yield "# Run it: xlnet-pipeline run THIS_FILE. All settings: xlnet-pipeline show THIS_FILE."
    if not init_from:
        yield "# From random weights a model learns little about free text: for real results, give"
        yield "# init pretrained weights with --init-from (README, section What you can train)."
    yield f"extends: [{schedule.presets}]"
    yield ""
    yield "kind: question_answering"
    yield f"name: {name}"
    yield "data:"
    yield f"  root: {scalar(source.root)}"
    counted = f"{counts['train']:,} and {counts['eval']:,} questions"
    if evaluation is None:
        yield f"  files: {{all: {scalar(source.pattern)}}}"
        divided = ", ".join(f"{split}: {weight}" for split, weight in shares.items())
        yield line(f"  article_split: {{{divided}}}", f"by article: {counted}")
    else:
        pattern = evaluation.source.pattern_from(source.root)
        pair = f"train: {scalar(source.pattern)}, eval: {scalar(pattern)}"
        yield line(f"  files: {{{pair}}}", counted)
    lost = sum(findings.skipped.values())
    allowed = sizes.dead_letter_share(lost, findings.total + lost, is_sample=findings.is_sample)
    if allowed is not None:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in findings.skipped.items())
        yield line(f"  max_dead_letter_share: {allowed}", f"questions that are skipped: {reasons}")
    yield from start(findings.contexts, vocabulary=vocabulary, init_from=init_from)
    yield from _windows(findings)
    decides = "also decides which articles are held out" if evaluation is None else ""
    seeded = line(f"seed: {seed}", decides)
    yield from training(schedule, counts["train"], more=[seeded])
    yield "evaluation:"
    yield "  thresholds:"
    nothing = 100 * judged.impossible / max(1, judged.total)
    minimum = round(min(nothing + _BETTER_THAN_NOTHING, 99.9), 1)
    yield line(
        f"    best_f1: {{minimum: {minimum}, maximum_drop: 1.0}}",
        f"no answer to any question gives about {nothing:.1f}",
    )
    yield f"run: {{output_root: {scalar(output_root or f'runs/{name}')}}}"


def _windows(findings: QuestionFindings) -> Iterator[str]:
    longest_question = sizes.sequence_length(findings.questions.pieces_at(0.99), largest=64)
    # Two SEP and one CLS.
    pieces = findings.contexts.pieces_at(0.95) + longest_question + 3
    window = sizes.sequence_length(pieces, largest=_MAX_WINDOW)
    window = max(window, 2 * longest_question)
    settings = (
        f"max_seq_length: {window}, doc_stride: {window // 3}, max_query_length: {longest_question}"
    )
    yield f"# 95 % of the paragraphs and their questions have at most about {pieces} pieces."
    yield f"windows: {{{settings}}}"
    yield f"decoding: {{n_best_size: 5, max_answer_length: {_longest_answer(findings.answers)}}}"
    yield "start_n_top: 5"
    yield "end_n_top: 5"


def _longest_answer(answers: TextLengths) -> int:
    return sizes.sequence_length(answers.pieces_at(0.99) + 2, largest=_MAX_ANSWER)
