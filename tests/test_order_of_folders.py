"""Who may import whom: folders stand in floors, and an import only ever goes down."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
# From the ground up. What stands on one floor knows nothing of its neighbours.
FLOORS = (
    {"components/files"},
    {"components/*.py"},
    {"components/orchestration", "components/tokenization", "components/modeling"},
    {"components/checkpoint_conversion", "components/example_gen"},
    {"components/preprocessing"},
    {"components/span_decoding"},
    {"components/export"},
    {"components/trainer"},
    {"components/evaluator"},
    {"components/serving", "components/pusher", "components/bulk_inference"},
    {"components/judging"},
    {"pipeline"},
    {"xlnet_pipeline"},
)
KINDS = {"classification", "question_answering", "pretraining"}


def folder_of(parts: tuple[str, ...]) -> str | None:
    """The folder of a module by the parts of its name; None for what is not this project's."""
    if parts[0] in ("pipeline", "xlnet_pipeline"):
        return parts[0]
    if parts[0] != "components":
        return None
    is_folder = len(parts) > 1 and (ROOT / "components" / parts[1]).is_dir()
    return f"components/{parts[1]}" if is_folder else "components/*.py"


def imports_of(path: pathlib.Path) -> set[tuple[str, ...]]:
    """Names of the modules that a file imports, anywhere in it, by their parts."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = tuple(node.module.split("."))
            found |= {(*module, alias.name) for alias in node.names}
    return found


def modules() -> list[pathlib.Path]:
    tops = ("components", "pipeline", "xlnet_pipeline")
    return sorted(path for top in tops for path in ROOT.glob(f"{top}/**/*.py"))


def test_every_folder_has_a_floor():
    folders = {folder_of(path.relative_to(ROOT).parts) for path in modules()}
    assert folders == set().union(*FLOORS)


def test_imports_go_down():
    floor = {folder: number for number, folders in enumerate(FLOORS) for folder in folders}
    wrong = []
    for path in modules():
        own = folder_of(path.relative_to(ROOT).parts)
        for imported in imports_of(path):
            other = folder_of(imported)
            if other in (None, own) or floor[other] < floor[own]:
                continue
            wrong.append(f"{path.relative_to(ROOT)} imports {'.'.join(imported)}")
    assert not wrong, "\n".join(wrong)


def step_and_kind(parts: tuple[str, ...]) -> tuple[str | None, str | None]:
    kinds = [number for number, part in enumerate(parts[:-1]) if part in KINDS]
    return ("/".join(parts[: kinds[0]]), parts[kinds[0]]) if kinds else (None, None)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_kind_knows_its_siblings(path):
    """In a step, a kind's folder imports what all share and what is its own."""
    step, kind = step_and_kind(path.relative_to(ROOT).parts)
    for imported in imports_of(path) if kind else ():
        other_step, other_kind = step_and_kind(imported)
        assert other_step != step or other_kind == kind, ".".join(imported)
