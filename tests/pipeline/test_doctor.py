import subprocess
import sys

from pipeline import doctor
from pipeline.cli import main


def _verdicts(**changes):
    return {f.what: (f.verdict, f.detail) for f in doctor.examine(output_root=".", **changes)}


def test_this_installation_has_no_problem(monkeypatch, capsys):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    assert main(["doctor", "sample"]) == 0
    printed = capsys.readouterr().out
    assert "!!" not in printed
    assert "configuration  sample is complete" in printed


def test_a_configuration_without_its_files_is_a_problem(capsys, tmp_path):
    missing = str(tmp_path / "nowhere")
    arguments = ["doctor", "sst2_small", "--data", missing, "--vocabulary", missing]
    assert main(arguments) == 1
    assert f"!!  configuration  No file matches '{missing}'" in capsys.readouterr().out


def test_a_missing_split_is_a_problem(capsys):
    assert main(["doctor", "sample", "--set", "data.splits=[train]"]) == 1
    printed = capsys.readouterr().out
    assert (
        "!!  configuration  sample: the data set has the splits train; eval is missing" in printed
    )
    assert "hash_split" in printed


def test_what_is_wrong_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    versions = {"tensorflow": "2.16.2", "tf-keras": "2.17.0", "tensorflow-text": "2.16.1"}

    def version(name):
        if name == "sentencepiece":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return versions.get(name, "1.0.0")

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    found = _verdicts()
    for what, text in (
        ("Python", "3.10 to 3.13"),
        ("sentencepiece", "delete .venv and run `make install`"),
        ("packages", "must be of one version"),
        ("Google Cloud", "which is no file"),
    ):
        verdict, detail = found[what]
        assert verdict == "problem"
        assert text in detail


def test_a_machine_without_a_gpu_is_examined_without_tensorflow(project_root, tmp_path):
    """To import it takes ten times as long as everything else."""
    program = (
        "import pathlib, sys\n"
        "from pipeline import cli, doctor\n"
        "doctor._DEVICE_FILES = pathlib.Path(sys.argv[1])\n"
        "status = cli.main(['doctor'])\n"
        "sys.exit(status or bool({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, cwd=project_root, check=False).returncode == 0


def test_a_gpu_that_tensorflow_does_not_see_is_said(monkeypatch, tmp_path):
    import tensorflow as tf

    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(doctor, "_DEVICE_FILES", tmp_path)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    verdict, detail = _verdicts()["devices"]
    assert verdict == "note"
    assert "tensorflow[and-cuda]" in detail


def test_a_processor_without_avx_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(doctor, "_CPU_INFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu sse4_2 popcnt\n")
    verdict, detail = _verdicts()["processor"]
    assert verdict == "problem"
    assert "AVX" in detail
