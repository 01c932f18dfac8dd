"""What is told about a drift that is left as it is."""

from __future__ import annotations

from tests.deployed import SCP

KINDS = ["type disabled", "policy deleted", "text changed", "attachment missing", "name squatted"]
"""The drifts that could be restored."""


def left_as_found(kind: str, because: dict[str, str]) -> dict[str, str]:
    """Return what is told about a drift that was not restored.

    Parameters
    ----------
    kind : str
        The drift.
    because : dict
        Why not: by what would have been changed.
    """
    roles = (
        "Attachments missing: “ProtectSecurityRoles” (roles) is missing on 2 targets, lost with its policy"
    )
    deleted = {
        "Policy deleted: “ProtectSecurityRoles” (roles) was deleted": (
            f"Not restored: {because['policy']}. Otherwise Holdfast would have made the policy again from "
            "its document."
        )
    }
    return {
        "type disabled": {
            f"Policy type disabled: policy type {SCP} is disabled": (
                f"Not restored: {because['type']}. Otherwise Holdfast would have switched the type on and "
                "attached 6 declared attachments of it again."
            ),
            **{
                f"Attachments missing: {guardrail}, lost with its policy type": (
                    "Not restored: its policy type is switched off."
                )
                for guardrail in (
                    "“DenyDisablingCloudTrail” (cloudtrail) is missing on 2 targets",
                    "“DenyLeaveOrganization” (leave) is missing on the root",
                    "“ProtectSecurityRoles” (roles) is missing on 2 targets",
                    "“DenyUnapprovedRegions” (regions) is missing on OU “Workloads”",
                )
            },
        },
        "policy deleted": {**deleted, roles: "Not restored: its policy is not there."},
        "text changed": {
            "Text changed: the text of “DenyLeaveOrganization” (leave) is not the declared one": (
                f"Not restored: {because['policy']}. Otherwise Holdfast would have put the declared text "
                "back."
            )
        },
        "attachment missing": {
            "Attachments missing: “DenyUnapprovedRegions” (regions) is missing on OU “Workloads”": (
                f"Not restored: {because['attachment']}. Otherwise Holdfast would have attached it again."
            )
        },
        "name squatted": {
            **deleted,
            "Name taken: squatter has taken the name of the deleted guardrail “ProtectSecurityRoles”, with "
            "another text": "Nothing was done to squatter: Holdfast touches guardrails only.",
            roles: "Not restored: its policy is not there.",
        },
    }[kind]
