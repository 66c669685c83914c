"""Tutorials and how-to guides: every block is typed in order, and every output that a page shows is compared.

A comment above a block marks it: ``file: PATH`` (its content is written), ``run`` (commands; ``run: exit
code N or M`` if they end with another code than 0), ``output`` (lines of the commands before; ``...`` is any
text). Commands run in this process, and tests of a tutorial use the account and Spark of this session.

The pages are typed as a reader types them. The account of this session is in the default state folder, where
``glue-secure local up`` finds it running, and no variable selects it. Until a page evaluates the output of
``glue-secure local env``, commands other than ``run`` and ``local`` use the reader's account, which does not
answer.
"""

import importlib.util
import inspect
import os
import re
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from page_blocks import blocks, commands

from glue_secure.cli.main import run as run_command
from glue_secure.embedded import environment
from glue_secure.embedded.account_setup import CURATED, provision
from glue_secure.embedded.clients import clients
from glue_secure.embedded.lake_tables import define_lake_tables
from glue_secure.embedded.seed import ensure_job, seed_flights

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [page for folder in ("tutorials", "how-to") for page in sorted((DOCS / folder).glob("*.md"))]


class Terminal:
    """Types the blocks of a page into an empty folder."""

    def __init__(self, request, monkeypatch, capsys, session):
        self.request, self.monkeypatch, self.capsys = request, monkeypatch, capsys
        self.session = session  # the environment of this test session
        self.words, self.output, self.typed = {}, "", 0
        self.find = {}  # word of a page and the pattern of its value in an output

    def type(self, page):
        for block in blocks((DOCS / page).read_text(encoding="utf-8")):
            kind, _, rest = block.mark.partition(": ")
            if kind == "file":
                path = Path(rest)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)
            elif kind == "run":
                codes = [int(code) for code in re.findall(r"\d+", rest)] or [0]
                self.output = "".join(self.command(line, codes) for line in commands(block.text))
                for word, pattern in self.find.items():
                    if match := re.search(pattern, self.output):
                        self.words[word] = match[1]
            elif kind == "output" and not rest:  # the output of another run has its name
                self.compare(block.text)

    def command(self, line, codes):
        self.typed += 1
        program, *words = shlex.split(line, comments=True)
        words = [self.words.get(word, word) for word in words]
        if program == "cd":
            self.monkeypatch.chdir(words[0])
            return ""
        if program == "export":
            self.monkeypatch.setenv(*words[0].split("=", 1))
            return ""
        if program == "eval":  # of shell code that a command prints: eval "$(glue-secure local env)"
            for code in commands(self.command(words[0].removeprefix("$(").removesuffix(")"), codes)):
                self.evaluate(code)
            return ""
        if (program, words[:2]) == ("python", ["-m", "pytest"]):
            self.run_tests(Path(words[2]))
            return ""
        if program == "aws":
            self.aws(*words)
            return ""
        assert program == "glue-secure", line
        self.monkeypatch.setattr(sys, "argv", [program, *words])
        with restored_environment(), pytest.raises(SystemExit) as ended:
            run_command()
        shown = self.capsys.readouterr()
        assert (ended.value.code or 0) in codes, (line, shown.out, shown.err)
        return shown.out

    def aws(self, service, operation, *options):
        """Make the call of a command of the AWS CLI, whose options are members of the request."""
        names = [name.removeprefix("--").title().replace("-", "") for name in options[::2]]
        client = clients(self.request.getfixturevalue("glue_account"))(service)
        getattr(client, operation.replace("-", "_"))(**dict(zip(names, options[1::2], strict=True)))

    def evaluate(self, code):
        """Set the variables of a line with ``export``, or remove those of a line with ``unset``."""
        program, *words = shlex.split(code)
        assert program in ("export", "unset"), code
        for word in words:
            if program == "unset":
                self.monkeypatch.delenv(word, raising=False)
            else:
                self.monkeypatch.setenv(*word.split("=", 1))

    def run_tests(self, path):
        """Run the tests below a path with the fixtures of this session."""
        with self.of_session():
            self.call_tests(path)

    @contextmanager
    def of_session(self):
        """Use the environment of this test session, whose fixtures have selected its account."""
        with restored_environment():
            os.environ.clear()
            os.environ.update(self.session)
            yield

    def call_tests(self, path):
        ran = 0
        # A project's tests import its jobs; the repository has a folder of the same name.
        for name in [name for name in sys.modules if name.partition(".")[0] == "jobs"]:
            self.monkeypatch.delitem(sys.modules, name)
        self.monkeypatch.syspath_prepend(str(Path.cwd()))
        for file in [path] if path.is_file() else sorted(path.glob("test_*.py")):
            spec = importlib.util.spec_from_file_location(f"tutorial_{file.stem}", file)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            for name, test in vars(module).items():
                if name.startswith("test_"):
                    test(*(self.fixture(argument) for argument in inspect.signature(test).parameters))
                    ran += 1
        assert ran

    def fixture(self, name):
        if name == "glue_job":  # each test has a job of its own
            return self.request.getfixturevalue("new_job")()
        return self.request.getfixturevalue(name)

    def compare(self, text):
        position = 0
        for line in text.splitlines():
            pattern = ".*".join(re.escape(part) for part in line.split("..."))
            if line != "...":
                match = re.compile(f"^{pattern}$", re.M).search(self.output, position)
                assert match, f"{line!r} is not in the output:\n{self.output}"
                position = match.end()


@contextmanager
def restored_environment():
    """Restore the environment afterwards, because a command changes that of this process, not of a shell."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def new_job(glue_account, glue_spark):
    """A function that creates harnesses."""
    from glue_secure.testing.harness import JobTestHarness

    created = []

    def create(name=None):
        harness = JobTestHarness(
            account=glue_account, spark=glue_spark, name=name or f"tutorial-{len(created)}-{id(created)}"
        )
        created.append(harness)
        return harness

    yield create
    for harness in created:
        harness.close()


@pytest.fixture
def terminal(request, glue_account, monkeypatch, capsys, tmp_path, tmp_path_factory):
    provision(glue_account)
    monkeypatch.chdir(tmp_path)
    session = dict(os.environ)
    for name in environment.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    own_account = {
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "reader",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "https://localhost:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in own_account.items():
        monkeypatch.setenv(name, value)
    home = tmp_path_factory.mktemp("state")
    (home / "glue-secure").mkdir()
    (home / "glue-secure" / "local").symlink_to(glue_account.state)
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return Terminal(request, monkeypatch, capsys, session)


def test_every_page_with_commands_is_typed():
    typed = re.findall(r'type\("([\w/-]+\.md)"\)', Path(__file__).read_text(encoding="utf-8"))
    with_commands = [
        page for page in PAGES if any(block.language == "sh" for block in blocks(page.read_text("utf-8")))
    ]
    assert sorted(set(typed)) == sorted(page.relative_to(DOCS).as_posix() for page in with_commands)


def test_a_first_job(terminal, glue_account):
    seed_flights(glue_account, months=[1])
    terminal.type("tutorials/first-job.md")
    assert Path("build/template.json").is_file()


def test_migrate_a_folder_of_scripts(terminal):
    terminal.type("tutorials/migrate-scripts.md")
    assert terminal.typed == 7
    assert "correct-horse" not in Path("jobs/accounts.py").read_text()


def test_write_and_test_a_new_job(terminal):
    terminal.type("tutorials/new-job.md")
    assert Path("build/template.json").is_file()


def test_answer_an_auditor(terminal, glue_account):
    seed_flights(glue_account, months=[1])
    terminal.find = {"RUN": r"(jr_\w+) +succeeded"}
    terminal.words = {"KEY": provision(glue_account).signing_key}
    terminal.type("tutorials/answer-an-auditor.md")
    assert "audited" in Path("audited.html").read_text()
    assert len(Path("audited.jsonl").read_text().splitlines()) > 1
    assert Path("audited.sarif").is_file()


@pytest.mark.long
def test_write_audit_publish(terminal, glue_account):
    """The JAR of Iceberg has 112 MB."""
    seed_flights(glue_account, months=[1])
    define_lake_tables(glue_account)  # as `local up` does for a new account
    terminal.type("tutorials/iceberg.md")


def test_deploy_to_an_account(terminal):
    terminal.type("tutorials/deploy.md")
    assert Path("build/template.json").is_file()


def test_handle_a_refusal(terminal, glue_account):
    seed_flights(glue_account, months=[1])
    terminal.type("tutorials/first-job.md")
    terminal.type("how-to/handle-a-refusal.md")


def test_use_a_private_ca(terminal):
    terminal.type("how-to/private-ca.md")


def test_rotate_a_key(terminal, new_job, glue_account):
    with terminal.of_session():
        job = new_job("rotated")
        job.land("a.csv", "id\n1\n")
        with job.job("source", "target") as run:
            frame = run.read.s3(run.args.source, format="csv", bookmark="rows")
            run.write.s3(frame, run.args.target, format="parquet")
    client = clients(glue_account)
    # moto describes the usage of a key only if its creation names it.
    made = client("kms").create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")
    client("s3").put_object(
        Bucket=CURATED, Key="rotated/before.csv", Body=b"1", ServerSideEncryption="AES256"
    )
    terminal.words = {
        "NEW_KEY": made["KeyMetadata"]["Arn"],
        "OLD_KEY": provision(glue_account).bookmark_key,
    }
    terminal.type("how-to/rotate-a-key.md")
    assert (
        client("s3").head_object(Bucket=CURATED, Key="rotated/before.csv")["ServerSideEncryption"]
        == "aws:kms"
    )


def test_read_an_audit(terminal, glue_account):
    ensure_job(glue_account, "read-an-audit")
    terminal.find = {"KEY": r"aws kms enable-key-rotation --key-id (\S+)"}
    terminal.type("how-to/read-an-audit.md")
