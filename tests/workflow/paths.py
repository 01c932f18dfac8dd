"""The ways through the state machine, state by state."""

from __future__ import annotations

TOLD = ["Describe Outcome", "Failed?", "Notify Success"]
TOLD_AS_FAILURE = ["Describe Outcome", "Failed?", "Notify Failure", "Remediation Failed"]
TOLD_PLAINLY = ["Describe Outcome", "Notify Plainly", "Remediation Failed"]

_JUDGED = ["Verify Detach", "Reattach Needed?"]
_ATTACHED = [*_JUDGED, "Reattach Policy", "Confirm Attachment", "Attached By Others?"]

NOT_OURS = [*_JUDGED, "Nothing To Do"]
REPORTED = [*_JUDGED, *TOLD]
RESTORED = [*_ATTACHED, *TOLD]
ATTACHED_BY_OTHERS = [*_ATTACHED, "Nothing To Do"]

FAILED_TO_VERIFY = ["Verify Detach", *TOLD_AS_FAILURE]
FAILED_TO_REATTACH = [*_JUDGED, "Reattach Policy", *TOLD_AS_FAILURE]
FAILED_TO_CONFIRM = [*_JUDGED, "Reattach Policy", "Confirm Attachment", *TOLD_AS_FAILURE]
FAILED_TO_DESCRIBE = [*_ATTACHED, *TOLD_PLAINLY]

REMEDIATION_FAILED = ("FAILED", "RemediationFailed")
NOTIFICATION_FAILED = ("FAILED", "NotificationFailed")

EVERY_STATE = {
    *NOT_OURS,
    *REPORTED,
    *RESTORED,
    *ATTACHED_BY_OTHERS,
    *FAILED_TO_VERIFY,
    *FAILED_TO_REATTACH,
    *FAILED_TO_CONFIRM,
    *FAILED_TO_DESCRIBE,
    "Notification Failed",
}
