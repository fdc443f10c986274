import pytest

from pipeline.first_look import column_roles
from pipeline.first_look.column_profile import MAX_COUNTED, ColumnProfiler

MANY = range(MAX_COUNTED + 500)


@pytest.mark.parametrize(
    ("values", "role"),
    [
        ([f"customer{n}@shop.example" for n in MANY], "id"),
        ([f"customer{n % 1300}@shop.example" for n in MANY], "other"),
        ([f"https://shop.example/item/{n * 7919:x}" for n in MANY], "id"),
        ([f"the parcel of customer{n} is late" for n in MANY], "text"),
        ([f"包裹还没有到，请帮我查一下订单{n}" for n in MANY], "text"),
        (["billing", "login"] * 20, "label"),
        ([f"A-{n}" for n in range(40)], "id"),
        (["2024-05-01", "2024-05-02"] * 20, "date"),
        ([str(n) for n in range(40)], "id"),
        (["1.5", "2"] * 20, "number"),
        (["", " "] * 20, "empty"),
    ],
)
def test_what_a_column_is_for(values, role):
    profiler = ColumnProfiler("column")
    for value in values:
        profiler.add(value)
    assert column_roles.guess(profiler.finish()) == role
