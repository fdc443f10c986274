import pytest

from pipeline import cli


def test_errors_are_one_line_and_status_one(capsys):
    assert cli.main(["show", "sampel"]) == 1
    assert capsys.readouterr().err.startswith("error: There is no preset 'sampel'.")


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
    assert cli.main(["presets"]) == 0
    assert capsys.readouterr().out.split() == ["sample", "sst2_small"]


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    assert "xlnet-pipeline run sample" in capsys.readouterr().out
