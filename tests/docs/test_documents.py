"""Documents agree with the code and with one another, and the generated ones are up to date."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import surface

from glue_secure import __version__
from glue_secure.core.controls import CONTROLS, as_markdown
from glue_secure.project.versions import GLUE_VERSIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def generate(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "tools" / "generate-documents"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_generated_documents_are_up_to_date():
    done = generate(ROOT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


def a_copy(root: Path) -> Path:
    """Copy the sources of the generated pages to ``root``."""
    skip = shutil.ignore_patterns("__pycache__", "vectors")
    for folder in ("local", "tools", "glue_secure", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=skip)
    (root / "tests" / "vectors").mkdir()
    shutil.copy(ROOT / "tests" / "vectors" / "jdbc_downgrades.csv", root / "tests" / "vectors")
    return root


def test_an_empty_or_wrong_cell_stops_the_generation_of_the_surface_table(tmp_path):
    root = a_copy(tmp_path)
    path = root / "tools" / "surface.ini"
    text = path.read_text(encoding="utf-8")
    for before, after, fault in (
        ("getResolvedOptions = supported |", "getResolvedOptions = |", "an empty cell"),
        (
            "getResolvedOptions = supported |",
            "getResolvedOptions = maybe |",
            "neither supported nor rejected",
        ),
        (
            "getResolvedOptions = supported |",
            "getResolvedOption = supported |",
            "not defined in glue_secure/utils.py",
        ),
        (
            "\ntransition_table = supported | rejected",
            "\ntransition_table = supported | guardd",
            "none of guarded",
        ),
        (
            "\ncurrentTimeMillis = supported | inherited",
            "\ncurrentTimeMillis = supported | guarded",
            "not overridden",
        ),
        ("::test_text_is_unboxed", "::test_a_text_is_boxed", "no test"),
    ):
        assert before in text, before
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
        with pytest.raises(surface.SurfaceError, match=re.escape(fault)):
            surface.as_markdown(root)
    done = generate(root, "--check")
    assert done.returncode == 1
    assert fault in done.stderr


def test_generate_documents_reports_and_updates_outdated_pages(tmp_path):
    root = a_copy(tmp_path / "a project")
    page = root / "docs" / "controls.md"
    done = generate(root, "--check")
    assert done.returncode == 1
    assert "docs/controls.md differs" in done.stderr
    assert "docs/surface.md differs" in done.stderr
    assert not page.exists()
    assert generate(root).returncode == 0
    assert page.read_text(encoding="utf-8") == as_markdown()
    page.write_text("something else\n", encoding="utf-8")
    assert generate(root, "--check").returncode == 1
    assert page.read_text(encoding="utf-8") == "something else\n"
    assert generate(root).returncode == 0
    assert generate(root, "--check").returncode == 0


def test_generate_documents_rejects_an_unknown_argument():
    assert generate(ROOT, "--chekc").returncode == 2


@EACH_PAGE
def test_links_have_existing_targets(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@EACH_PAGE
def test_controls_that_are_named_exist(page):
    named = set(re.findall(r"GS-[A-Z0-9]+-\d{3}", page.read_text(encoding="utf-8")))
    assert named <= set(CONTROLS)


@EACH_PAGE
def test_commands_that_are_named_exist(page):
    typer_main = pytest.importorskip("typer.main")
    from glue_secure.cli.app import app

    group = typer_main.get_command(app)
    known = set(group.commands) | {f"local {name}" for name in group.commands["local"].commands}
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", page.read_text(encoding="utf-8"), re.S))
    for words in re.findall(r"glue-secure ((?:local )?[a-z]+)\b", code):
        assert words in known, words


def test_every_adr_has_its_three_sections_and_is_listed():
    folder = ROOT / "docs" / "adr"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(folder.glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequences"]
        title = text.splitlines()[0].removeprefix("# ")
        assert f"[{title}]({page.name})" in listed


def test_a_decision_that_another_one_changes_says_so_on_its_page_and_in_the_list():
    folder = ROOT / "docs" / "adr"
    listed = (folder / "README.md").read_text(encoding="utf-8").lower()
    status = {}
    for page in sorted(folder.glob("[0-9]*.md")):
        before, _, _ = page.read_text(encoding="utf-8").partition("## Context")
        word, number = re.search(r"^(Changed|Superseded) by", before, re.M), page.name[:4]
        status[number] = before[word.start() :] if word else ""
        changes = re.findall(r"\[(\d{4})\]\(", status[number])
        in_list = re.search(rf"\({re.escape(page.name)}\)(.*)", listed)[1]
        assert (bool(word), re.findall(r"\d{4}", in_list)) == (bool(changes), changes), page.name
        assert not word or word[0].lower() in in_list, page.name
        for older in re.findall(r"^(?:Supersedes|Replaces)(.*?)\n\n", before, re.M | re.S):
            for number_before in re.findall(r"\[(\d{4})\]", older):
                assert f"[{number}]" in status[number_before], (page.name, number_before)


def test_the_modules_that_the_architecture_names_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z0-9_]+/)*[a-z0-9_]+\.py)`", text))
    assert len(named) > 30
    for name in named:
        assert (ROOT / "glue_secure" / name).is_file() or (ROOT / name).is_file(), name


def test_each_term_of_the_glossary_is_defined_once_and_in_order():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| (?!term|-)([^|]+?) \|", text, re.M)
    assert len(terms) > 30
    assert [term.lower() for term in terms] == sorted({term.lower() for term in terms})


def test_files_and_tags_in_pages_have_the_version_of_the_package():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "CHANGELOG.md")
    named = re.findall(r"glue_secure-(\d+\.\d+\.\d+)|\brev: v(\S+)", pages)
    assert len(named) > 1
    assert {version for pair in named for version in pair if version} == {__version__}


def test_the_templates_of_issues_ask_for_what_a_maintainer_needs():
    yaml = pytest.importorskip("yaml")
    templates = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
    assert [path.stem for path in templates] == ["defect", "request", "wrong-refusal"]
    for path in templates:
        template = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert template["name"] and template["description"]
        fields = [item for item in template["body"] if item["type"] != "markdown"]
        assert len({item["id"] for item in fields}) == len(fields)
        assert any(item["validations"]["required"] for item in fields if "validations" in item)
    (runtime,) = [
        item for item in yaml.safe_load(templates[0].read_text())["body"] if item.get("id") == "runtime"
    ]
    named = {option for option in runtime["attributes"]["options"] if option.startswith("AWS Glue ")}
    assert named == {f"AWS Glue {version.name}" for version in GLUE_VERSIONS}
