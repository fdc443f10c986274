"""Folders that TFX would take for patterns are refused before anything runs."""

import pytest

from components.configuration import ConfigurationError
from pipeline import cli, preset_loader


@pytest.mark.parametrize("preset", ["sample", "sample_question_answering", "sample_pretraining"])
@pytest.mark.parametrize("folder", ["/data/v[12]", "gs://bucket/v*", "v?"])
def test_a_folder_that_tfx_would_take_for_a_pattern_is_refused(preset, folder):
    for setting in ("data.root", "run.output_root"):
        with pytest.raises(ConfigurationError) as raised:
            preset_loader.load(preset, [f"{setting}={folder}"])
        parent, name = setting.split(".")
        assert f"{parent}: {name} is {folder!r}; TFX takes" in str(raised.value)


def test_the_root_of_a_deployment_is_refused(deployed):
    with pytest.raises(ConfigurationError, match=r"pipeline_root is 'gs://bucket/\[a\]'"):
        deployed("deployment.pipeline_root=gs://bucket/[a]")


def test_a_relative_folder_is_known_by_where_it_really_is(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "br[1]"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert cli.main(["run", "sample", "--output", "runs"]) == 1
    assert f"output_root is '{folder}/runs'; TFX takes" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_a_run_in_this_process_does_not_write_into_a_bucket(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "sample", "--output", "gs://bucket/run"]) == 1
    assert "run.push_to=gs://bucket/run/serving" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
