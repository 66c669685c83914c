"""A notebook in a Jupyter kernel, with both APIs on the embedded account."""

import os
import uuid
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from glue_secure.embedded.account_setup import CURATED, LANDING
from glue_secure.embedded.clients import clients

NAME = f"notebook-{uuid.uuid4().hex[:8]}"
SOURCE, TARGET = f"s3://{LANDING}/{NAME}/", f"s3://{CURATED}/{NAME}/"
CELLS = {
    "load": "%load_ext glue_secure.notebook",
    "other": "1 / 0",
    "usage": "%glue_secure --source x",
    "arguments": f"%glue_secure --JOB_NAME {NAME} --source {SOURCE} --target {TARGET}",
    "start": "from glue_secure import SecureJob\njob = SecureJob.from_argv('source', 'target').__enter__()",
    "show": "flights = job.read.s3(job.args.source, format='csv')\nflights",
    "spark": "flights.select('absent')",
    "end": "job.write.s3(flights, job.args.target, format='parquet')\njob.__exit__(None, None, None)",
    "glue": "from pyspark.context import SparkContext\n"
    "from awsglue.context import GlueContext\nfrom awsglue.job import Job\n"
    "context = GlueContext(SparkContext.getOrCreate())\nglue_job = Job(context)\n"
    f"glue_job.init('{NAME}', {{}})\n"
    "context.create_dynamic_frame.from_options('s3', {'paths': ['"
    + SOURCE
    + "']}, 'csv', {'withHeader': True})",
    "refused": "context.create_dynamic_frame.from_options('postgresql', {'url': 'u', 'password': 'hunter2', "
    "'dbtable': 't'})",
}


@pytest.fixture(scope="module")
def outputs(glue_account, tmp_path_factory):
    """Run the notebook once. Return the outputs of each cell. If the kernel dies, its log says why."""
    clients(glue_account)("s3").put_object(Bucket=LANDING, Key=f"{NAME}/a.csv", Body=b"carrier,delay\nUA,3\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
    client = NotebookClient(notebook, timeout=180, kernel_name="python3", allow_errors=True)
    log = tmp_path_factory.mktemp("kernel") / "log"
    environment = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(glue_account.state)}
    with log.open("wb") as stream:
        try:
            client.execute(env=environment, stdout=stream, stderr=stream)
        except DeadKernelError as error:
            ran = sum(1 for cell in notebook.cells if cell.execution_count)
            memory = Path("/proc/meminfo").read_text().splitlines()[2]
            pytest.fail(f"{error} after {ran} of {len(CELLS)} cells, {memory}:\n{log.read_text()}")
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def errors(outputs):
    return [line for output in outputs if output.output_type == "error" for line in output.traceback]


def test_three_lines_start_a_run_whose_data_frames_are_tables(outputs):
    for cell in ("load", "arguments", "start", "end"):
        assert errors(outputs[cell]) == []
    (table,) = outputs["show"]
    assert "<td>UA</td>" in table.data["text/html"]


def test_a_glue_context_of_awsglue_reads_with_glue_secure(outputs):
    assert errors(outputs["glue"]) == []
    assert [one.output_type for one in outputs["glue"]].count("execute_result") == 1


def test_errors_of_glue_secure_and_spark_are_short_and_others_have_their_traceback(outputs):
    assert "found:    no --JOB_NAME" in errors(outputs["usage"])[0]
    (text,) = errors(outputs["spark"])
    assert "absent" in text and len(text.splitlines()) < 6 and "Traceback" not in text
    (text,) = errors(outputs["refused"])
    assert text.startswith("GS-TLS-008 refused") and "hunter2" not in text
    assert any("ZeroDivisionError" in line for line in errors(outputs["other"]))


def test_the_notebooks_run_wrote_encrypted_objects(outputs, glue_account):
    s3 = clients(glue_account)("s3")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=CURATED, Prefix=f"{NAME}/")["Contents"]]
    assert {s3.head_object(Bucket=CURATED, Key=key)["ServerSideEncryption"] for key in keys} == {"aws:kms"}
