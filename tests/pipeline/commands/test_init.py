"""From data nobody has described to a configuration that loads, and what is said on the way."""

import csv
import gzip
import json
import subprocess
import sys

import pytest

from components.example_gen.classification.dataset import Columns
from components.example_gen.classification.plan import ConversionPlan
from components.modeling.config import XLNetConfig
from components.tokenization import train_sentencepiece
from pipeline import cli, preset_loader

_TEAMS = {"billing": "invoice", "login": "password", "shipping": "parcel"}


def _body(number, word):
    return f'Hello,\nthe "{word}" is a problem, number {number}.\n\nPlease look at it. Thanks'


@pytest.fixture
def init(tmp_path, capsys):
    """Runs the command on a file and returns status, output, errors and the configuration."""

    def run(path, *options):
        target = tmp_path / "written.yaml"
        status = cli.main(["init", str(path), "--to", str(target), *options])
        captured = capsys.readouterr()
        config = preset_loader.load(str(target)) if status == 0 else None
        assert target.exists() == (status == 0)
        return status, captured.out, captured.err, config

    return run


def _write_csv(path, header, table, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *table])
    return path


def _tickets(path, number=120):
    """Tickets with line breaks in quotes; every 20th has no body, and every 40th no team."""
    table = []
    for n in range(number):
        team = list(_TEAMS)[n % 3] if n % 5 else "billing"
        body = "" if n % 20 == 3 else _body(n, _TEAMS[team])
        table.append([1000 + n, body, "" if n % 40 == 7 else team, f"2024-05-{1 + n % 28:02}"])
    return _write_csv(path, ["ticket_id", "body", "team", "created"], table)


def test_tickets_with_line_breaks_and_gaps(init, tmp_path):
    status, out, _, config = init(_tickets(tmp_path / "tickets.csv"))
    assert status == 0
    dataset = config.data.dataset
    assert (dataset.file_format, dataset.header, dataset.delimiter) == ("csv", True, ",")
    assert dataset.columns == Columns(text_a="body", label="team")
    assert dataset.labels == ("billing", "login", "shipping")
    assert set(dataset.hash_split) == {"train", "eval"}
    # 6 bodies and 3 teams are empty, in different rows: 9 of 120 rows.
    assert config.data.max_dead_letter_share == pytest.approx(0.075)
    assert "9 rows cannot be used: 6 empty text, 3 unknown label." in out
    assert "rows           120" in out
    # 24 + 32 rows of "billing" (every fifth, and a third of the others), without the gaps.
    assert config.evaluation.thresholds["accuracy"].minimum > 56 / 120
    config.check_inputs()


def test_the_counts_of_labels_stand_beside_them(init, tmp_path):
    table = [[f"a sentence of several words {n}", "no" if n % 4 else "yes"] for n in range(40)]
    _, _, _, config = init(_write_csv(tmp_path / "d.csv", ["sentence", "label"], table))
    # YAML would read no and yes as booleans.
    assert config.data.dataset.labels == ("no", "yes")
    text = (tmp_path / "written.yaml").read_text()
    lines = {line.split("#")[0].strip(): line for line in text.splitlines()}
    assert lines['- "no"'].endswith("# 30 (75.0%)")
    assert lines['- "yes"'].endswith("# 10 (25.0%)")


def test_two_columns_with_a_header_in_another_language(init, tmp_path):
    path = tmp_path / "reseñas.tsv"
    table = [
        f"La película número {n} me ha gustado bastante\t{'bueno' if n % 2 else 'malo'}"
        for n in range(60)
    ]
    path.write_text("\n".join(["Reseña\tOpinión", *table]) + "\n", encoding="utf-8")
    status, out, _, config = init(path)
    assert status == 0
    dataset = config.data.dataset
    assert (dataset.file_format, dataset.header, dataset.delimiter) == ("tsv", True, "\t")
    assert dataset.columns == Columns(text_a="Reseña", label="Opinión")
    assert dataset.labels == ("bueno", "malo")
    assert config.vocabulary.keep_accents
    assert "the first row names the columns" in out


def _squad(path, articles, questions=10):
    data = []
    for article in range(articles):
        paragraphs = []
        for n in range(questions):
            context = f"Ada number {n} lives in Rome, in house {article}."
            start = context.index("Rome")
            answers = [{"text": "Rome", "answer_start": start}] if n % 5 else []
            question = {"id": f"{article}-{n}", "question": "Where does Ada live?"}
            qas = [question | {"answers": answers, "is_impossible": not answers}]
            paragraphs.append({"context": context, "qas": qas})
        data.append({"title": f"article {article}", "paragraphs": paragraphs})
    path.write_text(json.dumps({"data": data}))
    return path


def test_squad(init, tmp_path):
    status, out, _, config = init(_squad(tmp_path / "own.json", articles=5))
    assert status == 0
    assert config.kind == "question_answering"
    assert config.data.files == {"all": "own.json"}
    assert set(config.data.article_split) == {"train", "eval"}
    assert "questions      50" in out
    # Two of ten questions have no answer, so leaving all of them unanswered gives 20.
    assert config.evaluation.thresholds["best_f1"].minimum == 21.0
    config.check_inputs()


def test_a_single_article_cannot_be_divided(init, tmp_path):
    status, _, err, _ = init(_squad(tmp_path / "own.json", articles=1))
    assert status == 1
    assert "belong to 1 article" in err
    assert "different titles" in err


def test_running_text(init, tmp_path):
    path = tmp_path / "corpus.txt"
    documents = [
        "\n".join(f"Sentence {n} of document {d} goes on for a while." for n in range(8))
        for d in range(60)
    ]
    path.write_text("\n\n".join(documents))
    status, out, _, config = init(path)
    assert status == 0
    assert config.kind == "pretraining"
    assert config.data.files == {"all": ("corpus.txt",)}
    assert set(config.data.document_split) == {"train", "eval"}
    assert "documents      60" in out


def test_a_folder_for_each_label(init, tmp_path):
    for n in range(40):
        folder = tmp_path / "reviews" / ("good" if n % 2 else "bad")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n}.txt").write_text(f"This was the film of the year {n}.")
    status, _, _, config = init(tmp_path / "reviews")
    assert status == 0
    assert config.data.dataset.file_format == "folders"
    assert config.data.dataset.labels == ("bad", "good")
    assert config.data.dataset.columns is None
    config.check_inputs()


def test_a_folder_is_what_most_of_it_is(init, tmp_path):
    reviews, corpus = tmp_path / "reviews", tmp_path / "corpus"
    for n in range(40):
        folder = reviews / (".ipynb_checkpoints", "good", "bad")[n % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n}.txt").write_text(f"This was the film of the year {n}.")
    (reviews / "README.txt").write_text("About the reviews.\n\n" * 60)
    status, out, _, config = init(reviews)
    assert status == 0
    assert config.data.dataset.labels == ("bad", "good")
    assert "not read       '.ipynb_checkpoints', 'README.txt'" in out
    assert "rows           26" in out
    config.check_inputs()
    (tmp_path / "written.yaml").unlink()
    corpus.mkdir()
    (corpus / "README.md").write_text("# About the corpus")
    text = "\n\n".join(f"Document {n}. " + f"More of it {n}. " * 60 for n in range(60))
    (corpus / "a.txt.GZ").write_bytes(gzip.compress(text.encode()))
    status, out, _, config = init(corpus)
    assert status == 0
    assert config.data.files == {"all": ("*.txt.GZ",)}
    assert "not read       'README.md'" in out
    assert "documents      60" in out


def test_one_folder_is_nothing_to_learn(init, tmp_path):
    files = tmp_path / "reviews" / "good"
    files.mkdir(parents=True)
    for n in range(3):
        (files / f"{n}.txt").write_text("A film.")
    status, _, err, _ = init(tmp_path / "reviews")
    assert status == 1
    assert "are in the folder 'good': one class is nothing to learn. Add a folder" in err
    assert "--label" not in err


def test_rows_may_be_as_long_as_in_a_run(init, tmp_path):
    table = [*_sentences(lambda n: "ab"[n % 2]), ["word " * 210_000, "a"]]
    status, out, _, _ = init(_write_csv(tmp_path / "d.csv", ["text", "label"], table))
    assert status == 0
    assert "usable rows    61" in out


def _sentences(labels, number=60):
    return [[f"a sentence of several words {n}", labels(n)] for n in range(number)]


@pytest.mark.parametrize(
    ("header", "table", "expected"),
    [
        (["text", "label"], _sentences(lambda n: "spam"), "one class is nothing to learn"),
        (["text", "label"], _sentences(lambda n: f"a{n}"), "60 different values in 60 rows"),
        (["label", "other"], [["ab"[n % 2], "cd"[n % 2]] for n in range(60)], "--text"),
        (
            ["text", "first", "second"],
            [[*row, "xy"[n % 2]] for n, row in enumerate(_sentences(lambda n: "ab"[n % 2]))],
            "2 columns that may hold the labels (first, second); say which with --label",
        ),
    ],
)
def test_what_nothing_can_be_learnt_from_is_said(init, tmp_path, header, table, expected):
    status, _, err, _ = init(_write_csv(tmp_path / "d.csv", header, table))
    assert status == 1
    assert expected in err
    assert err.count("\n") == 1


def test_decimal_commas_are_not_taken_for_classes(init, tmp_path):
    table = _sentences(lambda n: f"{n % 5},{n % 10}" if n % 3 else n % 5)
    path = _write_csv(tmp_path / "d.csv", ["text", "score"], table)
    status, _, err, _ = init(path)
    assert status == 1
    assert "numbers with a decimal comma, such as '1,1'" in err
    assert "write '1.1'; --task classification takes" in err
    _, _, _, config = init(path, "--task", "classification")
    assert "1,1" in config.data.dataset.labels


def test_whole_numbers_are_classes_and_the_option_makes_them_quantities(init, tmp_path):
    path = _write_csv(tmp_path / "d.csv", ["text", "stars"], _sentences(lambda n: 1 + n % 12))
    _, out, _, config = init(path)
    assert config.data.dataset.labels == tuple(str(n) for n in range(1, 13))
    assert "--task regression" in out
    (tmp_path / "written.yaml").unlink()
    _, _, _, config = init(path, "--task", "regression")
    assert config.data.dataset.label_range == (1.0, 12.0)
    assert "pearson_correlation" in config.evaluation.thresholds


def test_fractions_are_quantities(init, tmp_path):
    table = _sentences(lambda n: f"{(n % 30) / 4}")
    _, out, _, config = init(_write_csv(tmp_path / "d.csv", ["text", "score"], table))
    assert config.data.dataset.label_range == (0.0, 7.25)
    assert "--task classification" in out


def test_options_choose_columns_and_a_wrong_one_lists_them(init, tmp_path):
    table = [[f"question number {n} here", f"answer number {n} there", n % 2] for n in range(50)]
    path = _write_csv(tmp_path / "d.csv", ["first", "second", "same"], table)
    status, _, err, _ = init(path, "--text", "third")
    assert status == 1
    assert "The columns are: first (text), second (text), same (number)." in err
    _, _, _, config = init(path, "--text", "second,first", "--label", "same")
    assert config.data.dataset.columns == Columns("second", "first", "same")


def test_json_lines_are_known_by_the_keys_of_several_objects(init, tmp_path):
    path = tmp_path / "a.json"
    # The first line is longer than the beginning of a file that is looked at, and has no label.
    rows = [{"question": "word " * 20_000, "context": "a context"}]
    rows += [
        {"question": f"words {n}?", "context": f"It is {n}.", "label": n % 2} for n in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, _, _, config = init(path)
    assert status == 0
    dataset = config.data.dataset
    assert dataset.file_format == "jsonl"
    assert dataset.columns == Columns("question", "context", "label")


def test_names_and_labels_that_yaml_cannot_hold_as_they_are(init, tmp_path):
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}"
    table = [
        [f"a sentence {n}", f"some more words {n}", (family, "\x85 \x7f")[n % 2]] for n in range(40)
    ]
    path = _write_csv(tmp_path / "with\nbreak.csv", ["the\ntext", "body", "label"], table)
    status, out, _, config = init(path)
    assert status == 0
    assert config.data.dataset.labels == ("\x85 \x7f", family)
    assert config.data.dataset.columns.text_a == "the\ntext"
    assert "'the\\ntext'+body joins them to one text" in out


def test_what_a_run_would_refuse_is_said_before_anything_is_read(init, tmp_path, capsys):
    folder = tmp_path / "a[1]"
    folder.mkdir()
    status, _, err, _ = init(_write_csv(folder / "d.csv", ["text", "label"], []))
    assert status == 1
    assert "a[1]'; TFX takes *, ? and [ in a folder's name for a pattern" in err
    target = tmp_path / "nowhere" / "d.yaml"
    assert cli.main(["init", str(folder), "--to", str(target)]) == 1
    assert f"there is no folder {target.parent}; create it" in capsys.readouterr().err


def test_forty_rows_are_enough_and_four_are_not(init, tmp_path):
    labels = lambda n: "ab"[n % 2]  # noqa: E731
    header = ["text", "label"]
    status, _, _, config = init(_write_csv(tmp_path / "a.csv", header, _sentences(labels, 40)))
    assert status == 0
    assert config.training.batch_size <= 40
    (tmp_path / "written.yaml").unlink()
    status, _, err, _ = init(_write_csv(tmp_path / "b.csv", header, _sentences(labels, 4)))
    assert status == 1
    assert "4 usable rows" in err


def test_a_file_is_not_overwritten(tmp_path, capsys):
    target = tmp_path / "written.yaml"
    target.write_text("mine")
    data = _tickets(tmp_path / "tickets.csv")
    assert cli.main(["init", str(data), "--to", str(target)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_the_rest_of_a_large_file_is_allowed_for(init, tmp_path):
    table = _sentences(lambda n: "ab"[n % 2], 400)
    path = _write_csv(tmp_path / "d.csv", ["text", "label"], table)
    status, out, _, config = init(path, "--rows", "100")
    assert status == 0
    assert "100 looked at, " in out
    # A quarter was looked at, of which two in three or more are for training.
    seen = (tmp_path / "written.yaml").read_text()
    assert "after looking at the beginning of the file" in seen
    assert config.training.batch_size == 16


def test_a_compressed_file_may_hold_more_than_its_size_says(init, tmp_path):
    # The same words over and over shrink to far less than a quarter.
    lines = ["text,label", *(f"{'the same words ' * 20}{n % 7},{'ab'[n % 2]}" for n in range(2000))]
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    status, out, _, _ = init(path, "--rows", "1000")
    assert status == 0
    assert "1,000 looked at, " in out
    assert "the beginning of the file" in (tmp_path / "written.yaml").read_text()


def test_neither_tensorflow_nor_tfx_is_imported(tmp_path):
    data = _tickets(tmp_path / "tickets.csv", number=60)
    code = (
        "import sys; from pipeline import cli;"
        f"status = cli.main(['init', {str(data)!r}, '--to', {str(tmp_path / 'a.yaml')!r}]);"
        "print(status, {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()"


def test_columns_are_joined_or_paired(init, tmp_path):
    table = [
        [f"subject number {n} here", f"body number {n} there" if n % 3 else "", n % 2]
        for n in range(50)
    ]
    path = _write_csv(tmp_path / "d.csv", ["subject", "body", "same"], table)
    status, _, _, config = init(path, "--text", "subject+body", "--label", "same")
    assert status == 0
    assert config.data.dataset.columns == Columns(("subject", "body"), label="same")
    # A row without a body has its subject left, so no row is skipped.
    assert config.data.max_dead_letter_share == 0.001
    config.check_inputs()
    (tmp_path / "written.yaml").unlink()
    _, _, _, config = init(path, "--text", "subject,body", "--label", "same")
    assert config.data.dataset.columns == Columns("subject", "body", "same")
    assert config.data.max_dead_letter_share > 0.3


def test_two_files_are_for_training_and_evaluation(init, tmp_path):
    header = ["text", "label"]
    train = _write_csv(tmp_path / "train.csv", header, _sentences(lambda n: "ab"[n % 2], 60))
    (tmp_path / "other").mkdir()
    table = [*_sentences(lambda n: "ab"[n % 2], 30)[10:], ["never in training", "c"]]
    dev = _write_csv(tmp_path / "other" / "dev.csv", header, table)
    status, out, _, config = init(train, "--eval", str(dev))
    assert status == 0
    dataset = config.data.dataset
    assert dataset.splits["train"].pattern == "train.csv"
    assert dataset.splits["eval"].pattern == str(dev)
    assert dataset.hash_split is None
    assert dataset.labels == ("a", "b")
    assert "1 row cannot be used: 1 unknown label" in out
    assert "20 rows of the evaluation with texts that are in the training too" in out
    config.check_inputs()


def test_two_files_with_numbers_have_one_range(init, tmp_path):
    header = ["text", "score"]
    train = _write_csv(tmp_path / "train.csv", header, _sentences(lambda n: 1 + n % 25 / 10))
    dev = _write_csv(tmp_path / "dev.csv", header, _sentences(lambda n: n % 55 / 10))
    status, out, _, config = init(train, "--eval", str(dev))
    assert status == 0
    assert config.data.dataset.label_range == (0.0, 5.4)
    assert "out of range" not in out


def test_a_file_for_evaluation_without_a_header_is_named(init, tmp_path):
    table = _sentences(lambda n: "ab"[n % 2])
    train = _write_csv(tmp_path / "train.csv", ["text", "label"], table)
    dev = _write_csv(tmp_path / "dev.csv", *table[:1], table[1:])
    status, _, err, _ = init(train, "--eval", str(dev))
    assert status == 1
    assert f"but {dev} does not; add such a row, or say with --header" in err


def test_two_squad_files(init, tmp_path):
    train = _squad(tmp_path / "train.json", articles=1)
    dev = _squad(tmp_path / "dev.json", articles=1, questions=5)
    status, _, _, config = init(train, "--eval", str(dev))
    assert status == 0
    assert config.data.files == {"train": "train.json", "eval": "dev.json"}
    assert not config.data.article_split
    # One of five questions of the evaluation has no answer.
    assert config.evaluation.thresholds["best_f1"].minimum == 21.0


def test_rare_labels_are_in_both_splits(init, tmp_path):
    # Three rows of "rare" among 120: a division at random has all three in one split half the time.
    table = _sentences(lambda n: "rare" if n % 40 == 5 else "ab"[n % 2], 120)
    status, _, _, config = init(_write_csv(tmp_path / "d.csv", ["text", "label"], table))
    assert status == 0
    dataset = config.data.dataset
    plan = ConversionPlan(dataset, total_bytes={}, num_shards={}, seed=0, max_row_bytes=0)
    # Rows are numbered from 1 after the header, as a run does it.
    splits = [
        plan.split_of_row("all", f"all-{number}")
        for number, (_, label) in enumerate(table, start=1)
        if label == "rare"
    ]
    assert set(splits) == {"train", "eval"}


def test_a_frequent_label_is_judged_by_macro_f1(init, tmp_path):
    table = _sentences(lambda n: "rare" if n % 10 == 0 else "usual", 200)
    status, _, _, config = init(_write_csv(tmp_path / "d.csv", ["text", "label"], table))
    assert status == 0
    (metric,) = config.evaluation.thresholds
    assert metric == "macro_f1"
    # Always "usual": its F1 is 2 * 0.9 / 1.9 and that of "rare" 0, so their mean is 0.474.
    assert 0.474 < config.evaluation.thresholds[metric].minimum < 0.56
    assert config.data.dataset.metrics == ("macro_f1", "accuracy")


def test_a_terminal_is_asked_for_what_is_not_clear(init, tmp_path, monkeypatch):
    table = [[*row, "xy"[n % 2]] for n, row in enumerate(_sentences(lambda n: "ab"[n % 2]))]
    path = _write_csv(tmp_path / "d.csv", ["text", "first", "second"], table)
    asked = []

    def answer(prompt):
        asked.append(prompt)
        return ["third", "second"][len(asked) - 1]

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    status, _, err, config = init(path)
    assert status == 0
    assert config.data.dataset.columns.label == "second"
    assert asked == ["--label (nothing ends): "] * 2
    assert "has no such column" in err


def test_the_next_command_is_the_one_that_was_called(tmp_path, monkeypatch, capsys):
    # `make install` puts nothing on PATH.
    monkeypatch.setattr("sys.argv", [".venv/bin/xlnet-pipeline", "init"])
    target = tmp_path / "with space.yaml"
    assert cli.main(["init", str(_tickets(tmp_path / "tickets.csv")), "--to", str(target)]) == 0
    assert f"next           .venv/bin/xlnet-pipeline run '{target}'" in capsys.readouterr().out


@pytest.fixture
def weights(tmp_path):
    """A folder that says of which network its weights are, with their vocabulary."""
    folder = tmp_path / "weights"
    folder.mkdir()
    vocabulary = train_sentencepiece.train(["to see the cat on the sea"] * 9, vocabulary_size=30)
    (folder / "spiece.model").write_bytes(vocabulary.model)
    network = XLNetConfig(
        n_token=vocabulary.size,
        n_layer=3,
        d_model=48,
        n_head=4,
        d_head=12,
        d_inner=96,
        ff_activation="gelu_erf",
        untie_r=True,
    )
    network.write(str(folder / "xlnet_config.json"))
    (folder / "xlnet_model.ckpt.index").write_bytes(b"")
    return folder, network


@pytest.mark.parametrize("kind", ["classification", "question_answering", "pretraining"])
def test_a_configuration_that_starts_from_weights(init, weights, tmp_path, kind):
    folder, network = weights
    if kind == "classification":
        path = _tickets(tmp_path / "tickets.csv")
    elif kind == "question_answering":
        path = _squad(tmp_path / "own.json", articles=5)
    else:
        path = tmp_path / "corpus.txt"
        path.write_text("\n\n".join(f"Document {n}. " + "More of it. " * 60 for n in range(60)))
    status, _, err, config = init(path, "--init-from", str(folder))
    assert status == 0, err
    assert (config.kind, config.init_from) == (kind, str(folder))
    assert config.sized_model() == network
    assert config.vocabulary.model == str(folder / "spiece.model")
    # As in the published recipes; the sizes of random weights mean nothing here.
    assert config.training.learning_rate == 2e-5
    written = (tmp_path / "written.yaml").read_text()
    assert "extends: [base]" in written
    assert "init_std" not in written
    config.check_inputs()


@pytest.mark.parametrize("kind", ["classification", "pretraining"])
@pytest.mark.parametrize("known", [None, False, True])
def test_case_and_accents_are_those_of_the_weights(init, weights, tmp_path, kind, known):
    folder, _ = weights
    (folder / "xlnet_weights.json").write_text(
        json.dumps({"uncased": known, "keep_accents": known})
    )
    if kind == "classification":
        path = _tickets(tmp_path / "tickets.csv")
    else:
        path = tmp_path / "corpus.txt"
        path.write_text("\n\n".join(f"Document {n}. " + "More of it. " * 60 for n in range(60)))
    status, _, err, config = init(path, "--init-from", str(folder))
    assert status == 0, err
    assert (config.vocabulary.uncased, config.vocabulary.keep_accents) == (bool(known), bool(known))
    config.check_inputs()
    said = "add uncased: true if" in (tmp_path / "written.yaml").read_text()
    assert said is (known is None)


def test_weights_without_a_network_or_a_vocabulary_are_refused(init, weights, tmp_path):
    folder, _ = weights
    path = _tickets(tmp_path / "tickets.csv")
    status, _, err, _ = init(path, "--init-from", str(tmp_path / "nowhere"))
    assert status == 1
    assert "nowhere, which has no xlnet_config.json; give a folder that" in err
    (folder / "spiece.model").rename(tmp_path / "other.model")
    status, _, err, _ = init(path, "--init-from", str(folder))
    assert status == 1
    assert "spiece.model does not exist; give the SentencePiece model that belongs" in err
    vocabulary = str(tmp_path / "other.model")
    status, _, _, config = init(path, "--init-from", str(folder), "--vocabulary", vocabulary)
    assert status == 0
    assert config.vocabulary.model == vocabulary
