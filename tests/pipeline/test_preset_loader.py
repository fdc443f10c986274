import pytest
import yaml

from components.configuration import ConfigurationError
from pipeline import preset_loader

# What was published for the released checkpoints on dev sets (sources: the headers of the presets).
PUBLISHED_SCORES = {
    "squad2_large": ("best_exact", 86.12),
    "squad2_base": ("best_exact", 80.18),
    "mnli_large": ("accuracy", 0.898),
    "mnli_base": ("accuracy", 0.868),
    "yelp5_large": ("accuracy", 1 - 0.2780),
    "imdb_large": ("accuracy", 1 - 0.0379),
    "race_large": ("accuracy", 0.8175),
    "race_large_8": ("accuracy", 0.803),
    "sts_b_large": ("pearson_correlation", 0.918),
    "sts_b_base": ("pearson_correlation", 0.895),
    "sst2_large": ("accuracy", 0.956),
    "sst2_base": ("accuracy", 0.947),
    "cola_large": ("matthews_correlation", 0.636),
    "cola_base": ("matthews_correlation", 0.602),
}
# batch size, learning rate, updates, warm-up, tokens: likewise.
PUBLISHED_SETTINGS = {
    "squad2_large": (48, 3e-5, 8000, 1000, 512),
    "squad2_base": (24, 2e-5, 12000, 1000, 512),
    "mnli_large": (128, 2e-5, 10000, 1000, 128),
    "yelp5_large": (128, 1e-5, 10000, 1000, 512),
    "imdb_large": (32, 2e-5, 4000, 500, 512),
    "race_large": (32, 2e-5, 12000, 1000, 512),
    "race_large_8": (8, 2e-5, 12000, 1000, 512),
    "sts_b_large": (32, 5e-5, 1200, 120, 128),
}


@pytest.mark.parametrize("name", PUBLISHED_SCORES)
def test_the_gate_of_a_published_recipe_asks_for_the_published_score(name):
    config = preset_loader.load(name, ["data.root=/data", "vocabulary.model=/spiece.model"])
    metric, score = PUBLISHED_SCORES[name]
    assert config.evaluation.thresholds[metric].minimum == pytest.approx(score)
    assert config.training.adam_epsilon == 1e-6
    if name in PUBLISHED_SETTINGS:
        training = config.training
        seq_len = config.windows.max_seq_length if "squad" in name else config.seq_len
        assert PUBLISHED_SETTINGS[name] == (
            training.batch_size,
            training.learning_rate,
            training.train_steps,
            training.warmup_steps,
            seq_len,
        )
    assert config.training.layer_decay == (0.75 if "squad" in name else 1.0)


@pytest.mark.parametrize(
    ("name", "batch_size", "learning_rate"),
    # The second rate is not published.
    [("pretraining_large", 8192, 4e-4), ("pretraining_large_2048", 2048, 2e-4)],
)
def test_pretraining_has_the_published_settings(name, batch_size, learning_rate):
    config = preset_loader.load(name, ["data.root=/data", "vocabulary.model=/spiece.model"])
    training, records = config.training, config.records
    assert (training.batch_size, training.learning_rate) == (batch_size, learning_rate)
    # The paper, appendix A.3.
    assert (training.train_steps, training.warmup_steps) == (500_000, 40_000)
    assert (training.adam_epsilon, training.weight_decay) == (1e-6, 0.01)
    # The published commands for data_utils.py and train.py.
    assert (records.seq_len, records.reuse_len, records.num_predict) == (512, 256, 85)
    assert (records.mask_alpha, records.mask_beta, records.bi_data) == (6, 1, True)
    assert (config.model_options.mem_len, config.longest_permutation) == (384, 256)


@pytest.mark.parametrize("name", preset_loader.names())
def test_every_preset_loads_and_its_header_says_how_to_use_it(name):
    text = (preset_loader.PRESET_DIRECTORY / f"{name}.yaml").read_text()
    for word in ("# Source:", "# Command:", "# Expected:"):
        assert word in text, f"{name}.yaml lacks {word!r}"
    # What every command of a task's preset gives.
    needed = []
    if not name.startswith("sample"):
        needed = ["data.root=/data", "vocabulary.model=/spiece.model", "vocabulary.size=null"]
    config = preset_loader.load(name, needed)
    # What is written beside the outputs gives the same configuration again.
    again = yaml.safe_load(preset_loader.to_yaml(config))
    assert again["training"]["train_steps"] == config.training.train_steps


def test_the_resolved_configuration_loads_as_the_same_object(tmp_path):
    config = preset_loader.load("sample")
    path = tmp_path / "resolved.yaml"
    path.write_text(preset_loader.to_yaml(config))
    assert preset_loader.load(str(path)) == config


def test_a_file_of_ones_own_extends_a_preset_and_overrides_win(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: sample\nname: mine\ntraining: {train_steps: 7, warmup_steps: 2}\n")
    config = preset_loader.load(str(path), ["training.warmup_steps=3", "data.root=/elsewhere"])
    sample = preset_loader.load("sample")
    assert (config.name, config.data.root) == ("mine", "/elsewhere")
    assert (config.training.train_steps, config.training.warmup_steps) == (7, 3)
    assert config.training.batch_size == sample.training.batch_size
    assert config.model == sample.model


def test_files_extend_files_beside_them_and_not_themselves(tmp_path):
    (tmp_path / "parent.yaml").write_text("extends: [sample]\nname: parent\n")
    (tmp_path / "child.yaml").write_text("extends: parent.yaml\nseq_len: 16\n")
    config = preset_loader.load(str(tmp_path / "child.yaml"))
    assert (config.name, config.seq_len) == ("parent", 16)
    (tmp_path / "loop.yaml").write_text("extends: loop.yaml\n")
    with pytest.raises(ConfigurationError, match="extends itself"):
        preset_loader.load(str(tmp_path / "loop.yaml"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.train_stepps=1"], "Did you mean 'train_steps'"),
        (["training.train_steps=many"], "should be of type int, but is 'many'"),
        (["training.train_steps"], "write key=value"),
        (
            ["evaluation.thresholds={}"],
            r"={} would change nothing, .* such as evaluation.thresholds.accuracy.minimum",
        ),
        (["evaluation={thresholds: {}}"], r"evaluation.thresholds={} would change nothing"),
        (["training.train_steps=[1"], "not valid YAML"),
        (["data.task=sst-2"], "either task .* or dataset"),
        (["evaluation.thresholds.f2={minimum: 1}"], "names f2; this task measures accuracy"),
        (
            ["vocabulary.size=300", "model.n_token=256"],
            "vocabulary.size is 300, but model.n_token is 256; leave n_token out",
        ),
        (["data.dataset.metrics=[acuracy]"], "metrics names acuracy; those of 2 labels are acc"),
        (
            ["data.dataset.metrics=[pearson_correlation]"],
            "those of 2 labels are accuracy, f1, matthews_correlation",
        ),
        (["data.splits=[train]"], "has the splits train; eval is missing.*hash_split, such as"),
        (["data.splits=[eval]"], "has the splits eval; train is missing"),
        (["name=My_Pipeline"], "lower-case letter"),
        (["seq_len=4"], "seq_len must be at least 5"),
        (["max_qa_length=8"], "the data set has no options"),
        (["evaluation.slice_by=[level]"], "name level; the slices of this task are label, length"),
        (
            ["evaluation.slice_thresholds={label: {positive: {loss: {minimum: 1}}}}"],
            "slice_thresholds.label.positive names loss; slices are measured by accuracy, f1",
        ),
    ],
)
def test_errors_name_the_place_and_what_is_legal(overrides, message):
    with pytest.raises(ConfigurationError, match=message):
        preset_loader.load("sample", overrides)


@pytest.mark.parametrize("max_qa_length", ["null", 0, 509])
def test_questions_with_options_leave_room_for_the_passage(max_qa_length):
    overrides = ["data.root=/data", "vocabulary.model=/m", f"max_qa_length={max_qa_length}"]
    with pytest.raises(ConfigurationError, match=r"between 1 and seq_len - 4 \(508\)"):
        preset_loader.load("race_large", overrides)


def test_an_evaluation_without_thresholds_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    text = preset_loader.to_yaml(preset_loader.load("sample"))
    document = yaml.safe_load(text)
    document["evaluation"]["thresholds"] = {}
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match="thresholds is empty"):
        preset_loader.load(str(path))


def test_what_is_no_preset_is_one_clear_error(tmp_path):
    with pytest.raises(ConfigurationError, match="Did you mean 'sample'"):
        preset_loader.load("sampel")
    with pytest.raises(FileNotFoundError, match=r"missing\.yaml"):
        preset_loader.load(str(tmp_path / "missing.yaml"))
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        preset_loader.load(str(tmp_path / "bad.yaml"))
    (tmp_path / "unsafe.yaml").write_text("a: !!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        preset_loader.load(str(tmp_path / "unsafe.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: []", r"has kind \[\]; the kinds of pipelines are"),
        ("kind: {a: 1}", "has kind {'a': 1}"),
        ("extends: null", "extends should be a preset, a file or a list of them, but is None"),
        ("extends: [1]", r"but is \[1\]"),
        ("extends: {a: b}", "but is {'a': 'b'}"),
        ("extends: [sampel]", "Did you mean 'sample'"),
    ],
)
def test_what_is_neither_kind_nor_preset_is_said(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        preset_loader.load(str(path))


def test_files_that_extend_twice_are_read_once_each(tmp_path, monkeypatch):
    # 2^25 readings, if each were read as often as it is named.
    for number in range(25):
        following = f"{number + 1}.yaml" if number < 24 else "sample"
        text = f"extends: [{following}, {following}]\ntraining: {{train_steps: {100 - number}}}\n"
        (tmp_path / f"{number}.yaml").write_text(text)
    read = []
    read_bytes = preset_loader.files.read_bytes

    def counted(path, **limits):
        read.append(path)
        return read_bytes(path, **limits)

    monkeypatch.setattr(preset_loader.files, "read_bytes", counted)
    config = preset_loader.load(str(tmp_path / "0.yaml"))
    assert config.training.train_steps == 100
    assert len(read) == len(set(read)) > 25
    (tmp_path / "0.yaml").write_text("extends: 1.yaml\nseq_len: 16\n")
    for number in range(24, 40):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    with pytest.raises(ConfigurationError, match="30 are allowed"):
        preset_loader.load(str(tmp_path / "0.yaml"))


def test_what_one_file_says_does_not_reach_another_that_extends_the_same(tmp_path):
    (tmp_path / "base.yaml").write_text("extends: sample\nevaluation: {slice_by: [label]}\n")
    (tmp_path / "a.yaml").write_text("extends: base.yaml\ntraining: {batch_size: 7}\n")
    (tmp_path / "b.yaml").write_text("extends: base.yaml\n")
    (tmp_path / "c.yaml").write_text("extends: [a.yaml, b.yaml]\n")
    batch_size = preset_loader.load("sample").training.batch_size
    assert batch_size != 7
    # The later one wins with all that it extends.
    assert preset_loader.load(str(tmp_path / "c.yaml")).training.batch_size == batch_size


def test_keys_of_overrides_are_bounded():
    with pytest.raises(ConfigurationError, match="has 3000 parts"):
        preset_loader.load("sample", [".".join("a" * 3000) + "=1"])


def test_the_model_has_as_many_pieces_as_its_vocabulary(tmp_path, data_root):
    sample = preset_loader.load("sample", ["vocabulary.size=300"])
    assert sample.sized_model().n_token == 300
    # The texts may give fewer: what trains looks at the records.
    assert sample.trained_model.n_token is None
    given = preset_loader.load("sample", ["vocabulary.size=300", "model.n_token=300"])
    assert given.trained_model == sample.trained_model
    published = f"vocabulary.model={data_root}/xlnet/spiece.model"
    config = preset_loader.load("sample", [published, "vocabulary.size=null"])
    assert config.sized_model().n_token == 32_000
    config.check_inputs()
    other = [published, "vocabulary.size=null", "model.n_token=256"]
    with pytest.raises(ValueError, match=r"spiece.model has 32,000 pieces, but model.n_token is"):
        preset_loader.load("sample", other).check_inputs()


def test_splits_without_files_are_named_before_anything_runs(tmp_path):
    (tmp_path / "train.tsv").write_text("text\tlabel\nfine\tpositive\n")
    optional = [f"data.dataset.splits.{name}.required=false" for name in ("eval", "test")]
    config = preset_loader.load("sample", [f"data.root={tmp_path}", *optional])
    with pytest.raises(FileNotFoundError, match=r"the split 'eval' .* Let hash_split share out"):
        config.check_inputs()


def test_an_empty_mapping_may_stand_where_there_is_none():
    config = preset_loader.load("sample", ["evaluation.slice_thresholds={}"])
    assert config == preset_loader.load("sample")
