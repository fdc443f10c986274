import pytest

from components.checkpoint_conversion import heads
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import Heads
from components.modeling.config import XLNetConfig

HEADS = {
    "encoder": Heads(),
    "tied": Heads(language_model=True),
    "untied": Heads(language_model=True, tie_weight=False),
    "classification": Heads(sequence="classification_mnli", num_outputs=3),
    "regression": Heads(sequence="regression_sts-b", num_outputs=1),
    "multiple_choice": Heads(sequence="multiple_choice", num_outputs=1),
    "question_answering": Heads(question_answering=True),
}


@pytest.mark.parametrize("untie_r", [True, False])
@pytest.mark.parametrize("name", HEADS)
def test_shapes_are_those_of_the_model_that_is_built(tiny_models, name, untie_r):
    config = tiny_models.config(untie_r=untie_r)
    model = tiny_models.build(name, config)
    built = {v.name.removesuffix(":0"): tuple(v.shape) for v in model.variables}
    assert heads.find(built) == HEADS[name]
    assert heads.published_shapes(config, HEADS[name]) == built


@pytest.mark.real_data
def test_the_published_base_checkpoint_has_exactly_these_variables(data_root):
    config = XLNetConfig.read(str(data_root / "xlnet" / "xlnet_config_base.json"))
    listed = {}
    for line in (data_root / "xlnet" / "xlnet_base_ckpt_vars.txt").read_text().splitlines():
        name, _, shape = line.partition("\t")
        if shape and name != "global_step":
            listed[name] = tuple(int(size) for size in shape.strip("[]").split(",") if size)
    assert len(listed) == 12 * 13 + 7
    assert heads.published_shapes(config, Heads(language_model=True)) == listed


def test_several_heads_for_whole_sequences_are_refused():
    shapes = {f"model/classification_{task}/logit/bias": (2,) for task in ("rte", "cola")}
    with pytest.raises(WeightsError, match="classification_cola, classification_rte"):
        heads.find(shapes)
    shapes = {"model/logits/dense/bias": (1,), "model/regression_sts-b/logit/bias": (1,)}
    with pytest.raises(WeightsError, match=r"multiple_choice, regression_sts-b"):
        heads.find(shapes)


def test_part_of_a_head_asks_for_the_whole():
    found = heads.find({"model/answer_class/dense_1/kernel": (16, 1)})
    assert found == Heads(question_answering=True)


def test_all_that_does_not_fit_is_listed():
    with pytest.raises(WeightsError) as error:
        heads.check_accounted_for("here", {"a": (1,), "b": (2,)}, {"b": (3,), "c": (4,)})
    assert str(error.value).splitlines()[1:] == [
        "  not found: c",
        "  not used: a",
        "  b has shape [2], but the configuration asks for [3]",
    ]


def test_ignoring_says_when_it_does_nothing():
    assert heads.without({"a": (1,), "b": (2,)}, ["^a$"]) == {"b": (2,)}
    with pytest.raises(WeightsError, match="no name matches 'c'"):
        heads.without({"a": (1,)}, ["c"])
    with pytest.raises(WeightsError, match="no regular expression"):
        heads.without({"a": (1,)}, ["("])
