"""What README and docs tell a reader to type: commands are parsed, quick ones run, files load."""

import pathlib
import re
import shlex

import pytest
import yaml

from pipeline import cli, preset_loader

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_COMMANDS = ("xlnet-pipeline", ".venv/bin/xlnet-pipeline")
# What ends within seconds and needs no data but the package's own.
_QUICK = {"presets", "show"}
_REFUSED = "records.reuse_len=60"


def _blocks(language):
    for page in _PAGES:
        for found, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield page.name, text


def _lines():
    """Command lines of all blocks, continued lines joined, comments left out."""
    for page, text in _blocks("bash"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield page, words


def _commands():
    for page, words in _lines():
        if words[0] in _COMMANDS:
            # Redirections are the shell's.
            ends = [i for i, word in enumerate(words) if word in ("<", ">", "|", "&")]
            yield pytest.param(words[1 : min(ends, default=None)], id=f"{page}: {words[1]}")


@pytest.mark.parametrize("arguments", list(_commands()))
def test_commands_are_legal_and_the_quick_ones_run(arguments, capsys):
    cli.make_parser().parse_args(arguments)
    if arguments[0] in _QUICK:
        expected = 1 if _REFUSED in arguments else 0
        assert cli.main(arguments) == expected, capsys.readouterr().err


def test_commands_were_found():
    assert len(list(_commands())) >= 12


def test_make_targets_and_modules_exist():
    targets = set(re.findall(r"^([a-z-]+):.*##", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, words in _lines():
        if words[0] == "make":
            assert words[1] in targets, page
        if words[1:2] == ["-m"] and words[2].startswith("benchmarks."):
            path = _ROOT.joinpath(*words[2].split("."))
            assert path.with_suffix(".py").exists() or path.is_dir(), page


def _presets():
    for page, text in _blocks("yaml"):
        if "kind:" in text:
            yield pytest.param(text, id=f"{page}: {yaml.safe_load(text)['name']}")


@pytest.mark.parametrize("text", list(_presets()))
def test_files_of_ones_own_load(text, tmp_path):
    (tmp_path / "mine.yaml").write_text(text)
    config = preset_loader.load(str(tmp_path / "mine.yaml"), [])
    assert config.kind in text


def test_the_quoted_refusal_is_what_is_said(capsys):
    arguments = ["show", "sample_pretraining", "--set", _REFUSED]
    assert cli.main(arguments) == 1
    said = " ".join(capsys.readouterr().err.split())
    quoted = "reuse_len is 60 with seq_len 64; at most 59, because A, B, two <sep> and one <cls>"
    assert quoted in said
    concepts = (_ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    assert quoted in " ".join(concepts.split())


# Said by TensorFlow and absl.
_OTHERS_SAY = ("Op type not registered", "IllegalFlagValueError", "Error in PredictCost")
# Where a message has a value: what is left out, numbers, quotations, names with a dot or _ in them.
_VALUE = re.compile(r"…|\d[\d.,]*|'[^']*'|:|\S*\w[._]\w\S*")


def test_errors_that_are_quoted_are_in_the_code():
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("components", "pipeline")
        for path in sorted((_ROOT / folder).rglob("*.py"))
    )
    # Literals of one message that follow each other in lines are one text.
    code = " ".join(re.sub(r'"\s*\n\s*[rf]*"', "", code).split())
    code += (_ROOT / "install.sh").read_text(encoding="utf-8")
    rows = (_ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8").splitlines()
    quoted = [match[1] for row in rows if (match := re.match(r"\| `([^`]+)`", row))]
    assert len(quoted) >= 10
    for message in quoted:
        if message.startswith(_OTHERS_SAY):
            continue
        parts = [part.strip(" .,;()") for part in _VALUE.split(message)]
        assert any(len(part.split()) > 1 for part in parts), message
        for part in parts:
            assert part in code, f"{message}: nothing in the code says {part!r}"


def test_links_lead_somewhere():
    for page in _PAGES:
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_has_help_with_examples(capsys):
    parser = cli.make_parser()
    (subparsers,) = (a for a in parser._actions if isinstance(a.choices, dict))
    for name in subparsers.choices:
        with pytest.raises(SystemExit) as ended:
            parser.parse_args([name, "--help"])
        assert ended.value.code == 0
        assert f"examples:\n  xlnet-pipeline {name}" in capsys.readouterr().out
