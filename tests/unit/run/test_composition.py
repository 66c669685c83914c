"""The composition root and the selection of the runtime."""

from __future__ import annotations

import importlib.util
import re

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.run import composition, runtime_selection


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment of its own, with a Region and test credentials."""
    for name in composition.os.environ.copy():
        if name.startswith(("AWS_", "GLUE_SECURE_")):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("chosen", [None, "", "glue", "SPARK", "plain"])
def test_the_runtime_is_never_guessed(chosen, monkeypatch):
    monkeypatch.setattr(runtime_selection, "find_spec", lambda name: None)
    environ = {} if chosen is None else {"GLUE_SECURE_RUNTIME": chosen}
    with pytest.raises(UsageError, match="GLUE_SECURE_RUNTIME"):
        runtime_selection.selected_runtime(environ)


@pytest.mark.parametrize(
    ("chosen", "runtime"), [(None, "glue"), ("", "glue"), ("glue", "glue"), ("spark", "spark")]
)
def test_an_installed_awsglue_is_selected_unless_spark_is_requested(chosen, runtime, monkeypatch):
    monkeypatch.setattr(runtime_selection, "find_spec", lambda name: name)
    environ = {} if chosen is None else {"GLUE_SECURE_RUNTIME": chosen}
    assert runtime_selection.selected_runtime(environ) == runtime


def test_an_unknown_runtime_is_rejected(monkeypatch):
    monkeypatch.setattr(runtime_selection, "find_spec", lambda name: name)
    with pytest.raises(UsageError, match="'plain'"):
        runtime_selection.selected_runtime({"GLUE_SECURE_RUNTIME": "plain"})


@pytest.mark.skipif(importlib.util.find_spec("awsglue") is None, reason="awsglue is not installed")
def test_an_awsglue_that_cannot_be_imported_is_an_error(monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "glue")
    monkeypatch.setattr(runtime_selection, "import_module", lambda name: broken())
    with pytest.raises(ImportError, match="broken"):
        runtime_selection.load_api(
            "glue_secure.context", "GlueContext", {"spark": {}, "glue": {"GlueContext": "x"}}
        )


def broken():
    raise ImportError("broken")


def test_a_module_exports_only_the_names_of_its_runtime(monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")
    with pytest.raises(AttributeError, match="nothing"):
        runtime_selection.load_api("glue_secure.context", "nothing", {"spark": {}, "glue": {}})
    with pytest.raises(UsageError, match="glue"):
        runtime_selection.load_api(
            "glue_secure.functions", "namedStruct", {"spark": {}, "glue": {"namedStruct": "x"}}
        )


def test_the_environment_sets_missing_locations():
    environ = {"GLUE_SECURE_BOOKMARK_URI": "s3://state/b", "GLUE_SECURE_EVIDENCE_URI": "s3://evidence/e"}
    found = composition.arguments(["s", "--JOB_NAME", "j"], environ)
    assert found.get("glue-secure-bookmark-uri") == "s3://state/b"
    assert found.get("glue-secure-evidence-uri") == "s3://evidence/e"
    assert found.get("JOB_NAME") == "j"


@pytest.mark.parametrize("name", ["glue-secure-bookmark-uri", "glue_secure_bookmark_uri"])
def test_an_argument_overrides_the_environment(name):
    found = composition.arguments(
        ["s", f"--{name}", "s3://mine/b"], {"GLUE_SECURE_BOOKMARK_URI": "s3://state/b"}
    )
    assert found.get("glue-secure-bookmark-uri") == "s3://mine/b"


def test_the_arguments_of_the_process_are_the_default(monkeypatch):
    monkeypatch.setattr("sys.argv", ["s", "--JOB_NAME", "mine"])
    assert composition.arguments(environ={}).get("JOB_NAME") == "mine"


def test_a_run_id_has_glues_format_and_is_unique():
    made = {composition.fresh_run_id() for _ in range(3)}
    assert len(made) == 3
    assert all(re.fullmatch(r"jr_[0-9a-f]{32}", run) for run in made)


def test_services_are_created_without_a_network(environment):
    made = composition.services()
    assert (made.environment.kind, made.environment.region) == ("aws", "eu-west-1")
    assert {"glue-secure", "python", "boto3"} <= set(made.versions)
    assert made.clock.now().utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_KMS"]
)
def test_gs_s3_002_no_service_is_reached_without_tls(environment, name):
    environment.setenv(name, "http://127.0.0.1:5000")
    with pytest.raises(RefusedError, match="GS-S3-002"):
        composition.services()


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_gs_s3_002_certificates_are_verified_or_there_are_no_clients(environment, name):
    environment.delenv("REQUESTS_CA_BUNDLE", raising=False)
    environment.setenv(name, "")
    with pytest.raises(RefusedError, match=f"(?s)GS-S3-002.*{name}"):
        composition.services()
