import itertools
import json
import logging
import re
import signal
import subprocess
import sys

import pytest
import yaml

from components import interruption
from components.serving import server
from pipeline import cli, preset_loader
from pipeline.commands import presets


def test_errors_are_one_line_and_status_one(capsys):
    assert cli.main(["show", "sampel"]) == 1
    assert capsys.readouterr().err.startswith("error: There is no preset 'sampel'.")


def test_a_run_that_ctrl_c_ended_says_how_to_go_on(capsys, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt("Its checkpoint is written; the same command goes on from there.")

    monkeypatch.setattr(presets, "run", interrupted)
    assert cli.main(["presets"]) == 130
    captured = capsys.readouterr()
    assert captured.err == (
        "interrupted: Its checkpoint is written; the same command goes on from there.\n"
    )
    monkeypatch.setattr(presets, "run", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    assert cli.main(["presets"]) == 130
    assert "goes on from what is complete" in capsys.readouterr().err


def test_serve_can_be_ended_before_it_has_loaded_the_model(monkeypatch, tmp_path):
    def loading(*_, **__):
        # The first process of a container is not ended by what it has no handler for.
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(server, "run", loading)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(interruption.TerminatedError):
        cli.main(["serve", str(tmp_path)])
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_error_is_printed_once_and_without_beams_steps(capsys, monkeypatch):
    text = "No rows are left. [while running 'Read/ParDo'] [while running 'TextExampleGen']"

    def failing(_):
        logging.getLogger("apache_beam.runners.common").error("%s", RuntimeError(text))
        raise ValueError(text)

    monkeypatch.setattr(presets, "run", failing)
    assert cli.main(["presets"]) == 1
    assert capsys.readouterr().err == "error: No rows are left.\n"


def test_missing_data_is_named_before_anything_runs(capsys, tmp_path):
    status = cli.main(["run", "sample", "--data", "/nowhere", "--output", str(tmp_path / "out")])
    assert status == 1
    assert "/nowhere/train.tsv" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_vocabulary_is_named_before_anything_runs(capsys, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("train.tsv", "dev.tsv"):
        (data / name).write_text("sentence\tlabel\ngood\t1\n")
    arguments = ["run", "sst2_small", "--data", str(data), "--vocabulary", "/nowhere/spiece.model"]
    assert cli.main([*arguments, "--output", str(tmp_path / "out")]) == 1
    assert "/nowhere/spiece.model" in capsys.readouterr().err


def test_show_prints_the_resolved_configuration(capsys):
    assert cli.main(["show", "sample", "--set", "training.train_steps=99"]) == 0
    assert "train_steps: 99" in capsys.readouterr().out


def test_presets_are_listed(capsys):
    assert cli.main(["presets", "--names"]) == 0
    listed = capsys.readouterr().out.split()
    assert listed == sorted(listed)
    assert {"sample", "sample_question_answering", "squad2_small", "sst2_small"} <= set(listed)
    assert cli.main(["presets"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == listed
    (row,) = (row for row in rows if row.startswith("sample_question"))
    cells = re.split("  +", row)
    assert cells[1:4] == ["question answering", "The bundled paragraphs", "a tiny XLNet"]
    assert cells[4:] == ["the CPU", "2 minutes on two cores"]
    tasks = {row.split()[0]: re.split("  +", row)[1] for row in rows}
    assert (tasks["race_large"], tasks["sts_b_base"]) == ("multiple choice", "regression")
    assert re.split("  +", header)[1:] == ["task", "data", "size", "device", "time"]


def test_a_commented_file_explains_every_setting_and_is_the_same_configuration(capsys, tmp_path):
    assert cli.main(["show", "sample", "--commented"]) == 0
    text = capsys.readouterr().out
    (tmp_path / "mine.yaml").write_text(text)
    assert preset_loader.load(str(tmp_path / "mine.yaml")) == preset_loader.load("sample")
    assert "  # Number of examples per update.\n  batch_size: 32\n" in text
    assert "\n# Name of the pipeline, made of lower-case letters" in text
    lines = text.splitlines()
    unexplained = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r" *[a-z_]+:", line) and not before.lstrip().startswith("#")
    ]
    # What a data set holds in mappings of its own, such as its splits, is explained above them.
    assert len(unexplained) < 30
    assert max(map(len, lines)) < 100


def test_a_misspelled_command_is_answered_with_the_one_that_was_meant(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["serv", "runs/sample"])
    assert stop.value.code == 2
    assert "there is no command 'serv'. Did you mean serve? The commands are:" in (
        capsys.readouterr().err
    )


def test_without_a_command_the_commands_are_listed(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "give a command: inspect, init, run, runs, show" in said
    assert "`xlnet-pipeline run sample` is a good start" in said


@pytest.mark.parametrize(
    ("arguments", "command", "message"),
    [
        (["runs"], "runs", "give output: folder that runs wrote to (run.output_root), such as"),
        (["submit", "mine.yaml"], "submit", "give --target: where to run"),
        (["run", "sample", "--outptu", "y"], "run", "--outptu y. Did you mean --output?"),
        (["run", "sample", "--outptu=y"], "run", "--outptu=y. Did you mean --output?"),
        (["run", "sample", "more"], "run", "unrecognized arguments: more."),
    ],
)
def test_wrong_arguments_are_explained_under_the_usage_of_the_command(
    capsys, arguments, command, message
):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"usage: xlnet-pipeline {command} ")
    assert message in said


def test_a_missing_setting_is_said_with_the_option_that_gives_it(capsys):
    assert cli.main(["run", "sst2_small"]) == 1
    assert capsys.readouterr().err == (
        "error: 2 settings are wrong:\n"
        "  sst2_small lacks vocabulary, which has no default: give --vocabulary FILE, or --set "
        "vocabulary.size=8000 model.n_token=null to train one.\n"
        "  sst2_small.data lacks root, which has no default: give --data FOLDER (or --set "
        "data.root=FOLDER).\n"
    )
    # The way to train one that the message names is a legal one.
    trained = ["vocabulary.size=8000", "model.n_token=null"]
    assert cli.main(["show", "sst2_small", "--data", "/d", "--set", *trained]) == 0
    assert cli.main(["run", "squad2_small", "--data", "/d"]) == 1
    assert "on the command line, --vocabulary FILE or --set" in capsys.readouterr().err


def test_other_missing_settings_are_said_with_a_way_to_give_them(capsys, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: sizes/tiny\nkind: classification\nname: mine\n")
    assert cli.main(["show", str(path), "--vocabulary", "/v", "--data", "/d"]) == 1
    assert (
        "mine.yaml lacks evaluation, seq_len, training, which have no default: add them to the "
        "file or pass --set evaluation=VALUE.\n"
    ) in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--commented"]])
@pytest.mark.parametrize("preset", ["sst2_small", "squad2_small", "pretraining_small"])
def test_an_incomplete_preset_is_shown_with_what_has_to_be_given(capsys, tmp_path, preset, form):
    assert cli.main(["show", preset, *form]) == 0
    text = capsys.readouterr().out
    first = text.splitlines()[0]
    assert first.startswith("# Not complete, because data.root ")
    assert "give --data FOLDER" in first
    # This one trains its vocabulary.
    assert ("--vocabulary FILE" in first) == (preset != "pretraining_small")
    assert "  # root: has to be given\n" in text
    assert "is-not-given" not in text
    # With what is missing, the file is the same configuration as the preset.
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    given = ["data.root=/d", "vocabulary={model: /v, size: null}"]
    assert preset_loader.load(str(path), given) == preset_loader.load(preset, given)
    assert cli.main(["run", str(path)]) == 1
    assert "mine.yaml.data lacks root" in capsys.readouterr().err


def test_show_says_what_else_is_wrong_with_an_incomplete_preset(capsys):
    assert cli.main(["show", "sst2_small", "--set", "training.train_stepps=1"]) == 1
    assert capsys.readouterr().err.startswith("error: sst2_small.training has no key 'train_ste")


def test_evaluate_takes_the_output_folder_of_a_run(capsys, tmp_path):
    (tmp_path / "config.yaml").write_text(f"run: {{output_root: {tmp_path}}}\n")
    assert cli.main(["evaluate", str(tmp_path), "new.csv"]) == 1
    assert "is the output of a run that has pushed no model to" in capsys.readouterr().err


def _squad_files(tmp_path):
    qas = [
        {"id": "a", "question": "Who?", "answers": [{"text": "Ann Lee", "answer_start": 0}]},
        {"id": "b", "question": "Why?", "answers": [], "is_impossible": True},
    ]
    paragraph = {"context": "Ann Lee met Ben.", "qas": qas}
    contents = {
        "dataset": {"data": [{"title": "t", "paragraphs": [paragraph]}]},
        "predictions": {"a": "Ann", "b": "Ben"},
        "null_odds": {"a": -1.0, "b": 2.0},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return {name: str(tmp_path / f"{name}.json") for name in contents}


def test_evaluate_squad_prints_scores_and_thresholds(capsys, tmp_path):
    paths = _squad_files(tmp_path)
    arguments = ["--dataset", paths["dataset"], "--predictions", paths["predictions"]]
    assert cli.main(["evaluate", "squad", *arguments]) == 0
    scores = json.loads(capsys.readouterr().out)
    # "Ann" against "Ann Lee": precision 1, recall 1/2.
    assert scores["f1"] == pytest.approx(100 * (2 / 3) / 2)
    assert "best_f1" not in scores
    assert cli.main(["evaluate", "squad", *arguments, "--null-odds", paths["null_odds"]]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["best_f1"] == pytest.approx(100 * (2 / 3 + 1) / 2)
    assert scores["best_f1_thresh"] == -1.0


def test_evaluate_squad_names_what_is_missing(capsys, tmp_path):
    paths = _squad_files(tmp_path)
    (tmp_path / "predictions.json").write_text('{"a": "Ann"}')
    arguments = ["--dataset", paths["dataset"], "--predictions", paths["predictions"]]
    assert cli.main(["evaluate", "squad", *arguments]) == 1
    assert "1 of 2 questions have no prediction, e.g. b" in capsys.readouterr().err
    (tmp_path / "predictions.json").write_text("[")
    assert cli.main(["evaluate", "squad", *arguments]) == 1
    assert "is not valid JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--output", "x"], ["--label", "x"], ["--text", "x"], ["--no-header"]]
)
def test_evaluate_squad_refuses_the_options_of_models(option, capsys, tmp_path):
    paths = _squad_files(tmp_path)
    arguments = ["--dataset", paths["dataset"], "--predictions", paths["predictions"]]
    assert cli.main(["evaluate", "squad", *arguments, *option]) == 1
    assert "judge a model. Leave them out." in capsys.readouterr().err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    assert "xlnet-pipeline run sample" in capsys.readouterr().out


def test_a_folder_may_have_a_number_or_a_word_of_yaml_for_its_name(capsys):
    # As a value of YAML, these would be an integer and a boolean.
    assert cli.main(["show", "sample", "--output", "2024", "--init-from", "yes"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["run"]["output_root"] == "2024"
    assert config["init_from"] == "yes"


def test_a_given_vocabulary_takes_the_place_of_one_to_be_trained(capsys):
    assert cli.main(["show", "pretraining_small", "--data", "/d", "--vocabulary", "/v.model"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["vocabulary"] == {
        "model": "/v.model",
        "size": None,
        "uncased": True,
        "keep_accents": False,
    }


def test_help_imports_nothing_that_takes_seconds_or_that_the_serving_image_lacks():
    code = (
        "import sys; from pipeline import cli; cli.make_parser();"
        "print({'tensorflow', 'apache_beam', 'tfx', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
