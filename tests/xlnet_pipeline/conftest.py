import pytest

from tests.components.serving.conftest import save


@pytest.fixture(scope="session")
def pushed(tmp_path_factory):
    """What a run leaves: its configuration and a model, of which nothing else is needed here."""
    output = tmp_path_factory.mktemp("run")
    (output / "config.yaml").write_text(f"run: {{output_root: {output}, push_to: null}}\n")
    for version in (3, 12):
        save(output / "serving", version)
    return output
