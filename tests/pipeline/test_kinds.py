"""A kind of pipeline that this project does not know, registered from outside."""

import dataclasses
from typing import Literal

import pytest
import yaml

from components import standalone
from components.example_gen.pretraining.component import CorpusExampleGen
from components.modeling.cost import Workload
from pipeline import baseline, graph, kinds, preset_loader, workloads
from pipeline.config import PipelineConfig
from pipeline.kinds.kind import Kind
from pipeline.kinds.pretraining.config import CorpusDataConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggingConfig(PipelineConfig):
    data: CorpusDataConfig
    tags: tuple[str, ...]
    kind: Literal["tagging"] = "tagging"


class Tagging(Kind[TaggingConfig]):
    name = "tagging"
    config_type = TaggingConfig

    def make_components(self, config, *, resolve_baseline):
        return [CorpusExampleGen(config.data.root, config.data.settings(seed=0))]

    def workload(self, config, batch_size):
        return Workload.of_labels(
            "classification", num_labels=len(config.tags), batch_size=batch_size, seq_len=32
        )

    def training_step(self, config, rows):
        raise NotImplementedError


@pytest.fixture
def tagging(monkeypatch, tmp_path):
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
    kinds.register(Tagging())
    path = tmp_path / "mine.yaml"
    document = {
        "extends": ["base", "sizes/small"],
        "kind": "tagging",
        "name": "mine",
        "data": {"root": "texts", "files": {"train": ["a.txt"], "eval": ["b.txt"]}},
        "tags": ["noun", "verb", "other"],
        "vocabulary": {"size": 100},
        "training": {"batch_size": 8, "train_steps": 1, "learning_rate": 1.0e-4},
        "run": {"output_root": "x"},
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_its_files_are_read_its_pipeline_made_and_its_step_estimated(tagging):
    config = preset_loader.load(tagging)
    assert config.tags == ("noun", "verb", "other")
    made = graph.create_pipeline(config, pipeline_root="/r", resolve_baseline=baseline.none)
    assert [component.id for component in made.components] == ["CorpusExampleGen"]
    workload = workloads.of(config, replicas=2)
    assert (workload.batch_size, workload.num_outputs) == (4, 3)


def test_what_it_does_not_know_is_an_error(tagging):
    with pytest.raises(ValueError, match="tag"):
        preset_loader.load(tagging, ["tags=null"])


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="'classification' is known already"):
        kinds.register(type("Other", (Tagging,), {"name": "classification"})())


def test_commands_of_a_step_are_found_in_the_folders_of_its_kinds(monkeypatch, tmp_path):
    folder = tmp_path / "a_step" / "tagging"
    folder.mkdir(parents=True)
    (tmp_path / "a_step" / "__init__.py").touch()
    (tmp_path / "a_step" / "no_kind").mkdir()
    (tmp_path / "a_step" / "no_kind" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "command.py").write_text("NAME = 'tags'\nCOMMAND = 'its command'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert standalone.commands_of("a_step") == {"tags": "its command"}
