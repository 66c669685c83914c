"""The containers in local/: linter, schema, and their entry scripts, which run outside a container.

No container engine is needed, and these tests build no image.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from glue_secure.embedded import container_account

ROOT = Path(__file__).resolve().parents[3]
LOCAL = ROOT / "local"
DOCKERFILE = (LOCAL / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((LOCAL / "compose.yaml").read_text())
SCHEMA = ROOT / "tests" / "vectors" / "compose" / "compose-go-2.16.2.json"
JOB = LOCAL / "container-job"


def test_a_linter_finds_nothing_in_the_dockerfile():
    hadolint = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run([hadolint, "--no-color", LOCAL / "Dockerfile"], capture_output=True, text=True)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_compose_file_is_valid():
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert list(validator.iter_errors(COMPOSE)) == []
    invalid = {**COMPOSE, "services": {"account": {"imagee": "x"}}}
    assert list(validator.iter_errors(invalid)) != []


def test_every_named_file_and_stage_exists():
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.M))
    assert stages == {"spark", "glue"}
    copied = {word for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.M)
              for word in line.split()[:-1] if not word.startswith("--")}  # fmt: skip
    ignore = (LOCAL / "Dockerfile.dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignore, name
    for service in COMPOSE["services"].values():
        build = service["build"]
        assert build["target"] in stages
        assert (LOCAL / build["context"] / build["dockerfile"]).is_file()
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (LOCAL / source).is_dir()


def test_jobs_wait_for_the_account_share_its_loopback_and_mount_the_sources_read_only():
    account = COMPOSE["services"]["account"]
    assert "ports" not in account
    for name in ("spark", "glue"):
        service = COMPOSE["services"][name]
        assert service["network_mode"] == "service:account"
        assert service["depends_on"] == {"account": {"condition": "service_healthy"}}
        assert "share:/share:ro" in service["volumes"]
        assert next(v for v in service["volumes"] if v.startswith("..:")).endswith(":ro")
    for service in COMPOSE["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert not service.get("privileged")


def share_with(folder, **files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def run_in_container(share, *words, **environment):
    environ = {"PATH": os.environ["PATH"], "GLUE_SECURE_SHARE": str(share), **environment}
    return subprocess.run(["bash", JOB, *words], env=environ, capture_output=True, text=True)


def test_a_command_gets_the_environment_and_its_arguments_and_returns_its_exit_code(tmp_path):
    share = share_with(tmp_path / "a share", ready="", spark_sh="export FROM_ACCOUNT='a b'\n")
    command = ("sh", "-c", 'printf "%s|" "$FROM_ACCOUNT" "$@"; exit 3', "sh", "a b", "", "*")
    completed = run_in_container(share, "spark", *command)
    assert (completed.returncode, completed.stdout, completed.stderr) == (3, "a b|a b||*|", "")


@pytest.mark.parametrize("words", [(), ("spark",), ("other", "true"), ("glue",)])
def test_no_command_runs_after_a_usage_error_or_before_the_account_is_ready(tmp_path, words):
    share = share_with(tmp_path / "share", ready="", spark_sh="", glue_sh="")
    assert run_in_container(share, *words).returncode == 2
    (share / "ready").unlink()
    completed = run_in_container(share, "spark", "touch", str(tmp_path / "ran"))
    assert completed.returncode == 2
    assert "not ready" in completed.stderr
    assert not (tmp_path / "ran").exists()


def test_in_glues_image_the_settings_are_appended_to_a_copy_of_the_images(tmp_path):
    share = share_with(tmp_path / "share", ready="", glue_sh="", glue_conf="spark.b=ours\n")
    conf = tmp_path / "a conf"
    conf.mkdir()
    (conf / "spark-defaults.conf").write_text("spark.a theirs\nspark.b theirs")
    (conf / "log4j2.properties").write_text("theirs")
    command = ("sh", "-c", 'cd "$SPARK_CONF_DIR"; cat *')
    completed = run_in_container(share, "glue", *command, SPARK_CONF_DIR=str(conf))
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout == "theirsspark.a theirs\nspark.b theirs\nspark.b=ours\n"
    assert (conf / "spark-defaults.conf").read_text() == "spark.a theirs\nspark.b theirs"


def exported(path):
    """Return the variables that a published file sets."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("export ")]
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


def test_the_account_publishes_the_settings_of_each_container_only(glue_account, tmp_path):
    container_account.publish(glue_account, tmp_path)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("spark.sh", "glue.sh", "glue.conf", "ca.pem", "trust.p12"), "0o644"
    )
    spark, glue = exported(tmp_path / "spark.sh"), exported(tmp_path / "glue.sh")
    assert "GLUE_SECURE_LOCAL_STATE" not in spark
    assert (spark["GLUE_SECURE_RUNTIME"], glue["GLUE_SECURE_RUNTIME"]) == ("spark", "glue")
    assert glue["AWS_ENDPOINT_URL"] == spark["AWS_ENDPOINT_URL"] == glue_account.endpoint_url
    assert not {"JAVA_HOME", "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_PYTHON", "MASTER"} & set(glue)
    # The user of Glue's image cannot read the account's folder, so no setting names a file in it.
    settings = "".join((tmp_path / name).read_text() for name in ("glue.sh", "glue.conf"))
    assert str(glue_account.state) not in settings
    assert "unset" not in settings
    assert f"spark.hadoop.fs.s3a.endpoint={glue_account.endpoint_url}\n" in settings


@pytest.mark.long
def test_both_entry_scripts_run_a_job_and_remove_the_account(tmp_path):
    """As in the containers, but without the images: an account in one process, spark-submit in another."""
    state, share = tmp_path / "state", tmp_path / "share"
    state.mkdir(mode=0o700)
    share.mkdir()
    (share / "ready").touch()  # as after a killed account
    environ = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    module = "glue_secure.embedded.container_account"
    with subprocess.Popen([sys.executable, "-m", module, share], env=environ) as account:
        try:
            until = time.monotonic() + 120
            while not ((share / "ready").exists() and (share / "glue.conf").exists()):
                assert account.poll() is None and time.monotonic() < until
                time.sleep(0.2)
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            words = ["--JOB_NAME", "flights_curated", "--connection", "ops-postgres"]
            words += ["--source", "s3://glue-secure-landing/flights/"]
            words += ["--target", "s3://glue-secure-curated/flights_delays/"]
            script = ROOT / "jobs" / "flights_curated.py"
            completed = run_in_container(share, "spark", "spark-submit", str(script), *words, PATH=path)
            assert completed.returncode == 0, completed.stderr
        finally:
            account.send_signal(signal.SIGTERM)
    assert account.returncode == 0
    assert not list(state.iterdir())


def test_the_documented_commands_start_services_of_the_compose_file():
    page = (ROOT / "docs" / "containers.md").read_text()
    commands = re.findall(
        r"^docker compose -f local/compose.yaml run --rm (\w+) spark-submit (\S+)", page, re.M
    )
    assert [name for name, _ in commands] == ["spark", "glue"]
    for name, script in commands:
        assert name in COMPOSE["services"]
        assert (ROOT / script).is_file()
