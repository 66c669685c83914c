"""``glue-secure preflight --script``: warnings of S3 clients that the guard does not reach."""

import pytest
import typer

from glue_secure.cli import preflight
from glue_secure.core.errors import UsageError


def test_each_native_client_is_named_with_file_and_line(tmp_path, capsys):
    script = tmp_path / "job.py"
    script.write_text("import boto3\nimport minio\n")
    with pytest.raises(typer.Exit) as ended:
        preflight.command(script=script)
    assert ended.value.exit_code == 0
    assert capsys.readouterr().err.startswith(f"warning: {script}:2: import of minio: ")


def test_a_missing_script_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        preflight.command(script=tmp_path / "none.py")


def test_an_environment_without_a_project_file_is_one_of_the_usual_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"glue_secure\.toml"):
        preflight.command(job_name="daily", environment="test")
    with pytest.raises(UsageError, match="--job-name"):
        preflight.command(connections=True, environment="test")
