"""Regions and partitions, as botocore lists them."""

from __future__ import annotations

from glue_secure.core.errors import UsageError


def partition_of(region: str, *, given: str = "", option: str = "--region") -> tuple[str, str]:
    """Return the partition of a region and the suffix of its host names.

    Args:
        region: for example ``cn-north-1``.
        given: the partition, if the caller knows it; required for a region that botocore does not list.
        option: the option that named the region, for errors.

    Raises:
        UsageError: the region is unknown, or is in another partition than ``given``.
    """
    import botocore.session

    loader = botocore.session.get_session().get_component("data_loader")
    partitions = {
        partition["partition"]: partition for partition in loader.load_data("endpoints")["partitions"]
    }
    found = next((name for name, value in partitions.items() if region in value["regions"]), "")
    if given and given not in partitions:
        raise UsageError("--partition", found=repr(given), required=", ".join(partitions))
    if not found and not given:
        raise UsageError(
            option,
            found=f"{region!r}, which this version of botocore does not know",
            required="a region of AWS",
            fix="correct the region; for a new one, name its partition with --partition, or update botocore",
        )
    if given and found and given != found:
        raise UsageError("--partition", found=repr(given), required=f"{found}, the partition of {region}")
    name = found or given
    return name, str(partitions[name]["dnsSuffix"])
