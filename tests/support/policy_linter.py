"""The findings of parliament, a linter of IAM policies."""

import json
import warnings
from functools import cache


@cache
def _analyze():
    with warnings.catch_warnings():
        # Its import leaves files open and uses pkg_resources.
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")
        from parliament import analyze_policy_string
    return analyze_policy_string


def lint(document):
    """Return the findings for a policy document, one text per finding."""
    return [f"{finding.issue} {finding.detail}" for finding in _analyze()(json.dumps(document)).findings]
