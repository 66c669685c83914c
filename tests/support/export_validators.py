"""Validators of exports, by the schemas and parsers of the tools that read them."""

import json
import re
from functools import cache
from pathlib import Path

import botocore.session
import jsonschema
import pytest
from botocore.validate import ParamValidator

from glue_secure.report.exports import ocsf

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


@cache
def ocsf_validator(name):
    package = pytest.importorskip("ocsf_json_schema")
    schema = package.OcsfJsonSchemaEmbedded(package.get_ocsf_schema(ocsf.VERSION))
    return jsonschema.Draft202012Validator(schema.get_class_schema(name, ["cloud"]))


def validate_ocsf(events):
    classes = {2003: "compliance_finding", 2004: "detection_finding"}
    assert events
    for event in events:
        ocsf_validator(classes[event["class_uid"]]).validate(event)


def validate_asff(found):
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape
    report = ParamValidator().validate({"Findings": found}, shape)
    assert not report.has_errors(), report.generate_report()
    for one in found:
        # Botocore checks members and types; the limits are those of the API reference.
        for text, most in ((one["Title"], 256), (one["Description"], 1024), (one["Id"], 512)):
            assert 0 < len(text) <= most
            assert re.search(r"\S", text)
        assert len(one["Remediation"]["Recommendation"]["Text"]) <= 512
        assert all(0 < len(resource["Id"]) <= 512 for resource in one["Resources"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["UpdatedAt"])
        assert len(json.dumps(one)) < 240_000


def validate_sarif(document):
    schema = json.loads((VECTORS / "sarif" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)


def validate_junit(text, tmp_path):
    xmlschema, junitparser = pytest.importorskip("xmlschema"), pytest.importorskip("junitparser")
    path = tmp_path / "junit.xml"
    path.write_text(text, encoding="utf-8")
    xmlschema.XMLSchema(str(VECTORS / "junit" / "junit-10.xsd")).validate(str(path))
    return list(junitparser.JUnitXml.fromfile(str(path)))
