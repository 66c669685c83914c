"""The help of the commands: sections, whole sentences, and examples that a test parses."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SECTIONS = {
    "Start": ("init", "demo", "local", "version"),
    "Write and test jobs": ("run", "check", "migrate", "pull", "quality", "columns"),
    "Deploy": ("template", "package", "deploy", "preflight", "policy"),
    "Operate": ("bookmark", "remediate", "catalog", "lakeformation"),
    "Audit": ("audit", "controls", "evidence", "report", "policy-file"),
}
"""The commands of ``glue-secure``, in the order of its help."""

_STRICT_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EXAMPLES = {
    "": (
        "glue-secure init orders",
        "glue-secure local up",
        "glue-secure run orders/jobs/carriers.py --JOB_NAME orders "
        "--source s3://glue-secure-landing/flights/ --target s3://glue-secure-curated/orders/",
    ),
    "run": (
        "glue-secure run jobs/orders.py --JOB_NAME orders --source s3://glue-secure-landing/flights/",
        "glue-secure run --watch --profile jobs/orders.py --JOB_NAME orders",
        "glue-secure run --as-awsglue --job nightly-orders jobs/orders.py",
        "glue-secure run --remote nightly-orders",
    ),
    "demo": ("glue-secure demo --keep",),
    "audit": (
        "glue-secure audit",
        "glue-secure audit --control CKV_AWS_195 --explain",
        "glue-secure audit --region eu-west-1 --output html --out audit.html",
        "glue-secure audit --organization-role GlueAudit --fail-on high",
    ),
    "init": ("glue-secure init orders",),
    "migrate": (
        "glue-secure migrate jobs",
        "glue-secure migrate jobs --diff",
        "glue-secure migrate jobs --write --connection db.example.com=ops",
        "glue-secure migrate jobs --check --format sarif",
    ),
    "pull": ("glue-secure pull nightly-orders --out jobs/orders.py",),
    "package": ("glue-secure package --out dist",),
    "deploy": ("glue-secure deploy --project glue_secure.toml",),
    "preflight": (
        "glue-secure preflight --job-name nightly-orders",
        "glue-secure preflight --connections",
    ),
    "remediate": ("glue-secure remediate s3://orders-curated/2024/ --job nightly-orders",),
    "report": ("glue-secure report --in s3://orders-evidence/evidence/ --out report.html",),
    "local": (
        "glue-secure local up",
        'eval "$(glue-secure local env)"',
        "glue-secure local connection add orders",
        "glue-secure local down",
    ),
    "local up": ("glue-secure local up --state .glue-secure",),
    "local env": (
        'eval "$(glue-secure local env)"',
        'eval "$(glue-secure local env --unset)"',
    ),
    "local table add": (
        "glue-secure local table add sales.orders --location s3://glue-secure-landing/orders/ "
        '--columns "id bigint, amount double" --format csv',
    ),
    "local connection add": ("glue-secure local connection add orders",),
    "local put": ("glue-secure local put orders.csv s3://glue-secure-landing/orders/",),
    "local sql": ('glue-secure local sql orders "CREATE TABLE orders (id text, amount text)"',),
    "local import": ("glue-secure local import --database sales",),
    "bookmark": (
        "glue-secure bookmark show nightly-orders",
        "glue-secure bookmark rewind nightly-orders --to-sequence 12",
    ),
    "bookmark show": ("glue-secure bookmark show nightly-orders",),
    "bookmark history": ("glue-secure bookmark history nightly-orders",),
    "bookmark verify": ("glue-secure bookmark verify nightly-orders",),
    "bookmark rewind": ("glue-secure bookmark rewind nightly-orders --to-sequence 12",),
    "bookmark reset": ("glue-secure bookmark reset nightly-orders",),
    "bookmark repair": ("glue-secure bookmark repair nightly-orders",),
    "catalog": ("glue-secure catalog plan", f"glue-secure catalog apply --key {_STRICT_KEY}"),
    "evidence": (
        "glue-secure evidence list --in s3://orders-evidence/evidence/",
        "glue-secure evidence verify --in s3://orders-evidence/evidence/",
    ),
    "evidence list": ("glue-secure evidence list --in s3://orders-evidence/evidence/",),
    "controls": ("glue-secure controls list", "glue-secure controls show GS-S3-004"),
    "lakeformation": (
        "glue-secure lakeformation lint permissions.toml",
        "glue-secure lakeformation plan permissions.toml",
    ),
    "policy-file": ("glue-secure policy-file lint policy.toml",),
    "template": (
        "glue-secure template cloudformation --out build/template.json",
        "glue-secure template terraform",
    ),
    "quality": ("glue-secure quality convert ruleset.dqdl",),
}
"""Command lines by the name of their command."""


class HelpfulGroup(TyperGroup):
    """A group whose help has sections and does not shorten its sentences. Its commands have examples."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command with the examples of its name."""
        command = super().get_command(ctx, cmd_name)
        path = [cmd_name]
        while ctx.parent is not None:
            path.insert(0, ctx.info_name)
            ctx = ctx.parent
        if command is not None and command.epilog is None:
            command.epilog = epilog(" ".join(path))
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with their first sentence, in the sections of ``SECTIONS`` at the top."""
        names = self.list_commands(ctx)
        is_top = ctx.parent is None
        sections: dict[str, Any] = SECTIONS if is_top else {"Commands": names}
        for title, members in sections.items():
            commands = {name: self.get_command(ctx, name) for name in members}
            rows = [(name, first_sentence(command)) for name, command in commands.items() if command]
            with formatter.section(title):
                formatter.write_dl(rows)


def first_sentence(command: Any) -> str:
    """Return the first sentence of a command's help."""
    paragraph = " ".join((command.help or "").split("\n\n", 1)[0].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


def epilog(path: str) -> str | None:
    """Return the examples of a command as the end of its help, None if it has none."""
    lines = EXAMPLES.get(path, ())
    # The formatter keeps the lines of a paragraph that starts with \b.
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines))) if lines else None
