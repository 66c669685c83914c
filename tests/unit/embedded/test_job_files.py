"""What a job needs beside its script, without an account."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.embedded import job_files, python_modules, table_formats
from glue_secure.embedded.job_files import SubmitOptions
from glue_secure.embedded.spark_files import SERIAL_COLLECTOR

DEFAULTS = {
    "spark.driver.extraClassPath": "/account.jar",
    "spark.executor.extraClassPath": "/account.jar",
    "spark.driver.extraJavaOptions": "-Daccount",
    "spark.executor.extraJavaOptions": "-Daccount",
    "spark.plugins": "guard.Plugin",
}


OBJECTS = {"s3://code/lib.zip": b"PK\5\6" + bytes(18), "s3://code/app.jar": b"jar"}


class FakeS3:
    exceptions = SimpleNamespace(ClientError=ClientError)

    def get_object(self, Bucket, Key):
        try:
            return {"Body": io.BytesIO(OBJECTS[f"s3://{Bucket}/{Key}"])}
        except KeyError:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject") from None


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Return a function that prepares a run with some arguments."""
    monkeypatch.setattr(job_files, "clients", lambda account: lambda name: FakeS3())
    monkeypatch.setattr(job_files, "spark_defaults", lambda account, guard: DEFAULTS)
    monkeypatch.setattr(job_files, "guard_jar", lambda: "guard")
    monkeypatch.setattr(job_files, "installed_spark", lambda: SimpleNamespace(line="3.5"))
    monkeypatch.setattr(
        job_files.artifacts, "fetch", lambda jars, *_, **__: [Path(f"/{each.name}.jar") for each in jars]
    )
    monkeypatch.chdir(tmp_path)
    account = SimpleNamespace(scratch=tmp_path, java_home=tmp_path)

    def run(*words, **submit):
        arguments = JobArguments.parse(["job.py", *words])
        return job_files.prepare(account, arguments, SubmitOptions(**submit))

    return run


def conf(files):
    words = list(files.options)
    return dict(words[position + 1].split("=", 1) for position, word in enumerate(words) if word == "--conf")


def test_a_job_without_arguments_needs_nothing(prepare):
    assert prepare("--source", "s3://b/") == job_files.JobFiles()


def test_python_files_are_on_the_path_in_the_order_of_the_argument(prepare, tmp_path):
    (tmp_path / "one.py").write_text("x = 1\n")
    files = prepare("--extra-py-files", "one.py,s3://code/lib.zip")
    module, archive = files.python_path
    assert [path.name for path in module.iterdir()] == ["one.py"]
    assert archive.name == "lib.zip"
    assert files.folder in archive.parents


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--extra-py-files", "missing.py"), "missing.py: no such file"),
        (("--extra-py-files", "s3://code/none.zip"), "does not exist in the embedded account"),
        (("--extra-files", "s3://code/none.ini"), "--extra-files none.ini"),
        (("--extra-py-files", "s3://code/app.jar"), "files that end with .py"),
        (("--extra-jars", "s3://nowhere/x.jar"), "--extra-jars"),
        (("--datalake-formats", "iceberg,parquet"), "iceberg, delta, hudi"),
        (("--conf", "spark.a"), "NAME=VALUE"),
        (("--user-jars-first", "perhaps"), "true or false"),
        (("--customer-driver-env-vars", 'A="1'), "unbalanced quotes"),
        (("--job-language", "scala"), "a Python script"),
    ],
)
def test_an_argument_that_cannot_be_served_is_a_usage_error(prepare, tmp_path, words, message):
    with pytest.raises(UsageError, match="found:") as caught:
        prepare(*words)
    assert message in str(caught.value)
    assert not list(tmp_path.glob("job-files-*"))


def test_an_archive_that_is_none_is_named(prepare, tmp_path):
    (tmp_path / "broken.whl").write_text("no zip")
    with pytest.raises(UsageError, match=r"broken\.whl, which is not a zip archive"):
        prepare("--extra-py-files", "broken.whl")


def test_extra_files_are_in_a_new_working_directory(prepare, tmp_path):
    (tmp_path / "settings.ini").write_text("[a]\n")
    files = prepare("--extra-files", "settings.ini")
    assert [path.name for path in files.working_directory.iterdir()] == ["settings.ini"]
    assert files.working_directory != tmp_path


def test_settings_that_the_account_needs_are_extended_and_not_replaced(prepare):
    given = conf(
        prepare(
            "--conf",
            "spark.driver.extraClassPath=/mine.jar --conf spark.executor.extraJavaOptions=-Xss4m "
            "--conf spark.plugins=a.Plugin",
        )
    )
    assert given["spark.driver.extraClassPath"] == f"/account.jar{os.pathsep}/mine.jar"
    assert given["spark.executor.extraClassPath"] == "/account.jar"
    assert given["spark.executor.extraJavaOptions"] == "-Daccount -Xss4m"
    assert given["spark.plugins"] == "a.Plugin,guard.Plugin"


def test_the_garbage_collector_of_a_job_replaces_the_accounts(prepare, monkeypatch):
    options = f"-Daccount {SERIAL_COLLECTOR}"
    names = ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions")
    defaults = {**DEFAULTS, **dict.fromkeys(names, options)}
    monkeypatch.setattr(job_files, "spark_defaults", lambda *_: defaults)
    own = "spark.driver.extraJavaOptions=-XX:+UseG1GC --conf spark.executor.extraJavaOptions=-Xss4m"
    given = conf(prepare("--conf", own))
    assert given[names[0]].split() == ["-Daccount", "-XX:+UseG1GC"]
    assert given[names[1]].split() == ["-Daccount", SERIAL_COLLECTOR, "-Xss4m"]


@pytest.mark.parametrize("first", ["true", "false"])
def test_user_jars_first_decides_the_order_of_the_class_path(prepare, first):
    files = prepare("--extra-jars", "s3://code/app.jar", "--user-jars-first", first)
    path = conf(files).get("spark.driver.extraClassPath", "")
    assert path.endswith(f"app.jar{os.pathsep}/account.jar") is (first == "true")
    assert files.options[0] == "--jars"


def test_a_table_format_adds_jars_and_the_settings_that_the_job_does_not_have(prepare):
    given = conf(
        prepare("--datalake-formats", "iceberg,delta", "--conf", "spark.sql.catalog.spark_catalog=own")
    )
    assert given["spark.driver.extraClassPath"].split(os.pathsep) == [
        "/account.jar", "/iceberg-spark-runtime-3.5_2.12.jar", "/iceberg-aws-bundle.jar",
        "/delta-spark_2.12.jar", "/delta-storage.jar",
    ]  # fmt: skip
    assert given["spark.sql.extensions"].count(",") == 1
    assert given["spark.sql.catalog.spark_catalog"] == "own"
    assert given["spark.sql.catalog.glue_catalog.catalog-impl"].endswith(".GlueCatalog")


def test_hudi_has_no_jars_for_spark_4():
    with pytest.raises(UsageError, match=r"hudi, for which there are no JARs for Spark 4\.1"):
        table_formats.jars(["hudi"], "4.1")


def test_the_aws_sdk_of_the_formats_precedes_hadoops_on_spark_4():
    assert table_formats.class_path(["own"], [Path("format")], "3.5").split(os.pathsep) == ["own", "format"]
    assert table_formats.class_path(["own"], [Path("format")], "4.1").split(os.pathsep) == ["format", "own"]


def test_delta_lakes_extension_precedes_icebergs():
    extensions = table_formats.settings(["iceberg", "delta"])["spark.sql.extensions"].split(",")
    assert [name.split(".")[1] for name in extensions] == ["delta", "apache"]


def test_variables_and_options_of_spark_submit(prepare):
    files = prepare(
        "--customer-driver-env-vars",
        'CUSTOMER_A=1,CUSTOMER_B="2, 3"',
        "--customer-executor-env-vars",
        "CUSTOMER_C=4",
        packages=("g:a:1",),
        conf=("spark.a=1",),
    )
    assert files.environment == {"CUSTOMER_A": "1", "CUSTOMER_B": "2, 3"}
    assert conf(files) == {"spark.a": "1", "spark.executorEnv.CUSTOMER_C": "4"}
    assert files.options[-2:] == ("--packages", "g:a:1")
    assert "2, 3" not in repr(files)


@pytest.mark.parametrize(
    "option", ["--target=x", "-t x", "--user", "--prefix /usr", "-e .", "--break-system-packages"]
)
def test_options_of_pip_that_install_elsewhere_are_rejected(option):
    with pytest.raises(UsageError, match="do not set where it installs"):
        python_modules.installer_options(f"--no-index {option}")


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "glue_secure_unit_module-1.0-py3-none-any.whl"
    info = "glue_secure_unit_module-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("glue_secure_unit_module.py", "answer = 42\n")
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: glue-secure-unit-module\nVersion: 1.0\nRequires-Dist: boto3\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_modules_are_installed_once_into_a_folder_and_not_into_the_environment(wheel, tmp_path):
    messages: list[str] = []
    install = python_modules.install
    options = python_modules.installer_options("--no-index")
    folder = install([str(wheel)], options, cache=tmp_path / "cache", progress=messages.append)
    # boto3 is in the environment, so it is not installed again.
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != "_") == [
        "glue_secure_unit_module-1.0.dist-info", "glue_secure_unit_module.py",
    ]  # fmt: skip
    assert install([str(wheel)], options, cache=tmp_path / "cache", progress=messages.append) == folder
    assert messages == ["installing Python modules, once: glue_secure_unit_module-1.0-py3-none-any.whl"]


def test_a_zip_of_wheels_and_a_requirements_file_are_installed(wheel, tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("boto3\n")
    with zipfile.ZipFile(tmp_path / "all.gluewheels.zip", "w") as archive:
        archive.write(wheel, f"wheels/{wheel.name}")
        archive.writestr("wheels/requirements.txt", "glue-secure-unit-module==1.0\n")
    modules = [str(tmp_path / "all.gluewheels.zip"), str(requirements)]
    options = python_modules.installer_options("--no-index -r")
    folder = python_modules.install(modules, options, cache=tmp_path / "cache")
    assert (folder / "glue_secure_unit_module.py").is_file()


def test_a_module_that_pip_does_not_find_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"pip failed: .*glue-secure-no-such-module"):
        python_modules.install(["glue-secure-no-such-module"], ["--no-index"], cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_modules_of_studio_transforms_are_not_fetched(prepare):
    bucket = "s3://aws-glue-studio-transforms-510798373988-prod-us-east-1"
    assert prepare("--extra-py-files", f"{bucket}/gs_common.py,{bucket}/gs_now.py").python_path == ()
