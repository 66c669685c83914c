"""``DataLakeSettings`` of an account, as frozen values, and changes of single settings.

PutDataLakeSettings replaces the whole document. A change therefore reads the document, replaces the members
that differ, and leaves all others.
https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_DataLakeSettings.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from glue_secure.governance.lakeformation.model import IAM_ALLOWED

TRUE = ("true",)
"""The values of a Boolean setting that is true. ``()`` is false, or not set."""

DEFAULTS = ("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions")

MOST_PRINCIPALS = 30
"""Maximum length of a list of principals in ``DataLakeSettings``."""

CROSS_ACCOUNT_VERSIONS = ("1", "2", "3", "4", "5")
"""Values of the parameter CROSS_ACCOUNT_VERSION."""


_ADMINISTRATOR = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:role|user)/[^\s]+\Z")
_ACCOUNT = re.compile(r"\d{12}\Z")


class Form(Enum):
    """How ``DataLakeSettings`` contains a setting."""

    PRINCIPALS = "list of DataLakePrincipal"
    TEXTS = "list of strings"
    TRUTH = "Boolean"
    PARAMETER = "value of Parameters"
    PARAMETER_TRUTH = "TRUE or FALSE in Parameters"


class Setting(Enum):
    """A setting: its name in the permissions file, its name in the API, and its form."""

    ADMINISTRATORS = ("administrators", "DataLakeAdmins", Form.PRINCIPALS)
    READERS = ("read_only_administrators", "ReadOnlyAdmins", Form.PRINCIPALS)
    EXTERNAL_FILTERING = ("external_data_filtering", "AllowExternalDataFiltering", Form.TRUTH)
    FULL_TABLE_ACCESS = (
        "full_table_external_data_access",
        "AllowFullTableExternalDataAccess",
        Form.TRUTH,
    )
    FILTERING_ACCOUNTS = (
        "external_data_filtering_accounts",
        "ExternalDataFilteringAllowList",
        Form.PRINCIPALS,
    )
    SESSION_TAGS = ("authorized_session_tag_values", "AuthorizedSessionTagValueList", Form.TEXTS)
    RESOURCE_OWNERS = ("trusted_resource_owners", "TrustedResourceOwners", Form.TEXTS)
    CROSS_ACCOUNT_VERSION = ("cross_account_version", "CROSS_ACCOUNT_VERSION", Form.PARAMETER)
    SOURCE_IDENTITY = ("set_source_identity", "SET_SOURCE_IDENTITY", Form.PARAMETER_TRUTH)

    def __init__(self, member: str, api: str, form: Form) -> None:
        self.member, self.api, self.form = member, api, form

    def __repr__(self) -> str:
        return self.member

    def accepts(self, value: str) -> bool:
        """Return whether Lake Formation accepts a value: IAM roles and users, or account ids."""
        if self in (Setting.ADMINISTRATORS, Setting.READERS):
            return _ADMINISTRATOR.match(value) is not None
        if self in (Setting.FILTERING_ACCOUNTS, Setting.RESOURCE_OWNERS):
            return _ACCOUNT.match(value) is not None
        return True

    def of(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the setting's values in ``DataLakeSettings``, sorted."""
        if self.form in (Form.PARAMETER, Form.PARAMETER_TRUTH):
            value = str((document.get("Parameters") or {}).get(self.api, ""))
            if self.form is Form.PARAMETER:
                return (value,) if value else ()
            return TRUE if value.upper() == "TRUE" else ()
        value_of_member = document.get(self.api)
        if self.form is Form.TRUTH:
            return TRUE if value_of_member is True else ()
        if self.form is Form.PRINCIPALS:
            return tuple(sorted(str(shape["DataLakePrincipalIdentifier"]) for shape in value_of_member or ()))
        return tuple(sorted(map(str, value_of_member or ())))

    def put(self, document: dict[str, Any], values: Iterable[str]) -> None:
        """Replace the setting's values in ``DataLakeSettings``."""
        chosen = sorted(values)
        if self.form in (Form.PARAMETER, Form.PARAMETER_TRUTH):
            value = (*chosen, "")[0] if self.form is Form.PARAMETER else "TRUE" if chosen else "FALSE"
            document["Parameters"] = {**(document.get("Parameters") or {}), self.api: value}
        elif self.form is Form.TRUTH:
            document[self.api] = bool(chosen)
        elif self.form is Form.PRINCIPALS:
            document[self.api] = [{"DataLakePrincipalIdentifier": value} for value in chosen]
        else:
            document[self.api] = chosen


@dataclass(frozen=True, slots=True)
class Settings:
    """The ``DataLakeSettings`` of an account.

    Attributes:
        values: the values of each setting, sorted.
        open_databases: whether new databases get permissions for IAMAllowedPrincipals.
        open_tables: whether new tables get permissions for IAMAllowedPrincipals.
        others: the members and parameters that the permissions file cannot contain. They do not change.
    """

    values: Mapping[Setting, tuple[str, ...]] = field(default_factory=dict)
    open_databases: bool = False
    open_tables: bool = False
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def administrators(self) -> tuple[str, ...]:
        """The data lake administrators, sorted."""
        return self.values.get(Setting.ADMINISTRATORS, ())

    @property
    def readers(self) -> tuple[str, ...]:
        """The read-only administrators, sorted."""
        return self.values.get(Setting.READERS, ())

    @classmethod
    def from_api(cls, document: Mapping[str, Any]) -> Settings:
        """Convert the API's ``DataLakeSettings``."""
        members = {setting.api for setting in Setting}
        parameters = document.get("Parameters") or {}
        others = {name: document[name] for name in sorted(document) if name not in (*members, *DEFAULTS)}
        others["Parameters"] = {name: parameters[name] for name in sorted(parameters) if name not in members}
        return cls(
            values={setting: setting.of(document) for setting in Setting},
            open_databases=include_iam_group(document.get(DEFAULTS[0])),
            open_tables=include_iam_group(document.get(DEFAULTS[1])),
            others=others,
        )


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A change of one setting.

    Attributes:
        setting: the setting.
        add: values that the account lacks.
        remove: values that the file does not contain.
    """

    setting: Setting
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.setting.form in (Form.TRUTH, Form.PARAMETER_TRUTH):
            return f"{self.setting.member} = {'true' if self.add else 'false'}"
        if self.setting.form is Form.PARAMETER:
            return f"{self.setting.member} = {', '.join(self.add)}"
        changes = [f"+ {value}" for value in self.add] + [f"- {value}" for value in self.remove]
        return f"{self.setting.member}: {', '.join(changes)}"

    def apply(self, document: dict[str, Any]) -> None:
        """Change the setting in ``DataLakeSettings``, and leave values of other users' changes."""
        values = set(self.setting.of(document)) - set(self.remove) | set(self.add)
        self.setting.put(document, self.add if self.setting.form is Form.PARAMETER else values)


@dataclass(frozen=True, slots=True)
class SettingState:
    """A setting of the account beside the file's.

    Attributes:
        name: name in the permissions file.
        account: the values of the account.
        file: the values of the file; None if the file does not contain the setting.
    """

    name: str
    account: tuple[str, ...]
    file: tuple[str, ...] | None


def include_iam_group(shapes: Any) -> bool:
    """Return whether default permissions contain permissions for IAMAllowedPrincipals."""
    return any(
        (shape.get("Principal") or {}).get("DataLakePrincipalIdentifier") == IAM_ALLOWED
        and shape.get("Permissions")
        for shape in shapes or ()
    )
