"""The containers in local/: held against linter and schema, and their entry scripts run outside of one.

There is no container engine where these tests run, so no image has been built by them.
"""

import importlib.util
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

ROOT = Path(__file__).resolve().parents[3]
LOCAL = ROOT / "local"
DOCKERFILE = (LOCAL / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((LOCAL / "compose.yaml").read_text())
SCHEMA = ROOT / "tests" / "vectors" / "compose" / "compose-go-2.16.2.json"
JOB = LOCAL / "container-job"


def test_a_linter_finds_nothing_in_the_dockerfile():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", LOCAL / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_as_its_schema_has_it():
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert list(validator.iter_errors(COMPOSE)) == []
    spoiled = {**COMPOSE, "services": {"account": {"imagee": "x"}}}
    assert list(validator.iter_errors(spoiled)) != []


def test_what_the_files_name_is_there():
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


def test_jobs_wait_for_the_account_share_its_loopback_and_can_change_nothing_of_the_sources():
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


def job(share, *words, **environment):
    environ = {"PATH": os.environ["PATH"], "GLUE_SECURE_SHARE": str(share), **environment}
    return subprocess.run(["bash", JOB, *words], env=environ, capture_output=True, text=True)


def test_a_command_gets_the_environment_its_words_as_they_are_and_gives_its_exit_code(tmp_path):
    share = share_with(tmp_path / "a share", ready="", spark_sh="export FROM_ACCOUNT='a b'\n")
    done = job(share, "spark", "sh", "-c", 'printf "%s|" "$FROM_ACCOUNT" "$@"; exit 3', "sh", "a b", "", "*")
    assert (done.returncode, done.stdout, done.stderr) == (3, "a b|a b||*|", "")


@pytest.mark.parametrize("words", [(), ("spark",), ("other", "true"), ("glue",)])
def test_wrong_use_and_an_account_that_is_not_ready_run_nothing(tmp_path, words):
    share = share_with(tmp_path / "share", ready="", spark_sh="", glue_sh="")
    assert job(share, *words).returncode == 2
    (share / "ready").unlink()
    done = job(share, "spark", "touch", str(tmp_path / "ran"))
    assert done.returncode == 2
    assert "not ready" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_in_glues_image_the_settings_come_behind_its_own_which_stay_untouched(tmp_path):
    share = share_with(tmp_path / "share", ready="", glue_sh="", glue_conf="spark.b=ours\n")
    conf = tmp_path / "a conf"
    conf.mkdir()
    (conf / "spark-defaults.conf").write_text("spark.a theirs\nspark.b theirs")
    (conf / "log4j2.properties").write_text("theirs")
    done = job(share, "glue", "sh", "-c", 'cd "$SPARK_CONF_DIR"; cat *', SPARK_CONF_DIR=str(conf))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "theirsspark.a theirs\nspark.b theirs\nspark.b=ours\n"
    assert (conf / "spark-defaults.conf").read_text() == "spark.a theirs\nspark.b theirs"


def exported(path):
    """The variables that a published file sets."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("export ")]
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


def test_the_account_publishes_what_each_container_needs_and_no_more(glue_account, tmp_path):
    spec = importlib.util.spec_from_file_location("container_account", LOCAL / "container_account.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.publish(glue_account, tmp_path)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("spark.sh", "glue.sh", "glue.conf", "ca.pem", "trust.p12"), "0o644"
    )
    spark, glue = exported(tmp_path / "spark.sh"), exported(tmp_path / "glue.sh")
    assert "GLUE_SECURE_LOCAL_STATE" not in spark
    assert (spark["GLUE_SECURE_RUNTIME"], glue["GLUE_SECURE_RUNTIME"]) == ("spark", "glue")
    assert glue["AWS_ENDPOINT_URL"] == spark["AWS_ENDPOINT_URL"] == glue_account.endpoint_url
    assert not {"JAVA_HOME", "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_PYTHON", "MASTER"} & set(glue)
    # Nothing that Glue's user reads lies in the account's own folder.
    everything = "".join((tmp_path / name).read_text() for name in ("glue.sh", "glue.conf"))
    assert str(glue_account.state) not in everything
    assert "unset" not in everything
    assert f"spark.hadoop.fs.s3a.endpoint={glue_account.endpoint_url}\n" in everything


@pytest.mark.long
def test_both_entry_scripts_run_a_job_and_leave_nothing(tmp_path):
    """As in the containers, but for the images: an account in one process, spark-submit in another."""
    state, share = tmp_path / "state", tmp_path / "share"
    state.mkdir(mode=0o700)
    share.mkdir()
    (share / "ready").touch()  # of an account that was killed
    environ = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    with subprocess.Popen([sys.executable, LOCAL / "container_account.py", share], env=environ) as account:
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
            done = job(share, "spark", "spark-submit", str(script), *words, PATH=path)
            assert done.returncode == 0, done.stderr
        finally:
            account.send_signal(signal.SIGTERM)
    assert account.returncode == 0
    assert not list(state.iterdir())


def test_the_document_and_the_readme_start_each_container_in_one_line_that_the_compose_file_knows():
    for page in (ROOT / "README.md", ROOT / "docs" / "containers.md"):
        found = re.findall(
            r"^docker compose -f local/compose.yaml run --rm (\w+) spark-submit (\S+)",
            page.read_text(),
            re.M,
        )
        assert [name for name, _ in found] == ["spark", "glue"]
        for name, script in found:
            assert name in COMPOSE["services"]
            assert (ROOT / script).is_file()
