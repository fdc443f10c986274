import json
import math
import pathlib

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts, standard_component_specs

from components.export import null_threshold
from components.pusher import executor


class Model(tf.Module):
    def __init__(self, directory):
        super().__init__()
        self.threshold = null_threshold.NullThreshold(str(directory))

    @tf.function(input_signature=[])
    def serve(self):
        return {"threshold": self.threshold()}


def _threshold_of(directory):
    loaded = tf.saved_model.load(str(directory))
    return float(loaded.signatures["serving_default"]()["threshold"])


@pytest.fixture
def exported(tmp_path):
    directory = tmp_path / "model" / "Format-Serving"
    module = Model(tmp_path / "assets")
    tf.saved_model.save(module, str(directory), signatures=module.serve)
    return directory


def test_an_exported_model_answers_always(exported):
    assert _threshold_of(exported) == null_threshold.ALWAYS_ANSWER
    with pytest.raises(ValueError, match="not a number"):
        null_threshold.write(str(exported), math.nan)


@pytest.mark.parametrize("written", ["inf", "-inf", "1e30", "-1e30"])
def test_an_infinite_threshold_has_an_effect_that_json_can_express(exported, written):
    pathlib.Path(null_threshold.path(str(exported))).write_text(f"{written}\n")
    limit = math.copysign(null_threshold.ALWAYS_ANSWER, float(written))
    assert _threshold_of(exported) == limit
    assert null_threshold.read(str(exported)) == (None if limit > 0 else limit)
    null_threshold.write(str(exported), float(written))
    assert pathlib.Path(null_threshold.path(str(exported))).read_text() == f"{limit!r}\n"


@pytest.mark.parametrize("written", ["1,5", "", "nan"])
def test_a_threshold_that_is_no_number_is_refused_with_the_path_of_its_file(exported, written):
    pathlib.Path(null_threshold.path(str(exported))).write_text(written)
    with pytest.raises(ValueError, match=r"null_threshold\.txt should hold a number"):
        null_threshold.read(str(exported))


@pytest.mark.parametrize(
    ("found", "pushed_with"), [(-1.25, -1.25), (None, null_threshold.ALWAYS_ANSWER)]
)
def test_the_copy_that_is_pushed_has_the_threshold_of_the_evaluation(
    exported, tmp_path, found, pushed_with
):
    artifacts = {
        "model": standard_artifacts.Model(),
        "model_blessing": standard_artifacts.ModelBlessing(),
        "evaluation": standard_artifacts.ModelEvaluation(),
    }
    for name, artifact in artifacts.items():
        artifact.uri = str(tmp_path / name)
        (tmp_path / name).mkdir(exist_ok=True)
    artifacts["model_blessing"].set_int_custom_property("blessed", 1)
    results = {"metrics": {}, "null_threshold": found}
    (tmp_path / "evaluation" / "results.json").write_text(json.dumps(results))
    (tmp_path / "evaluation" / "README.md").write_text("a card")
    (tmp_path / "evaluation" / "examples.json").write_text("[]")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed")
    executor.Executor(executor.Executor.Context(tmp_dir=str(tmp_path / "tmp"), unique_id="1")).Do(
        {name: [artifact] for name, artifact in artifacts.items()},
        {standard_component_specs.PUSHED_MODEL_KEY: [pushed]},
        {
            standard_component_specs.PUSH_DESTINATION_KEY: json.dumps(
                {"filesystem": {"base_directory": str(tmp_path / "serving")}}
            )
        },
    )
    (version,) = (tmp_path / "serving").iterdir()
    assert _threshold_of(version) == pushed_with
    assert (version / "README.md").read_text() == "a card"
    assert (version / "assets.extra" / "examples.json").read_text() == "[]"
    assert _threshold_of(exported) == null_threshold.ALWAYS_ANSWER
