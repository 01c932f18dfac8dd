"""The ways through the state machine, state by state."""

from __future__ import annotations

_DESCRIBED = ["Describe Outcome", "Left Unrecorded?"]
_RECORDED = [*_DESCRIBED, "Record Names", "Record Incident"]
_PUBLISHED = ["Unpack Message", "Publish Incident", "Told As Failure?"]
_SUCCEEDED = ["Failed?", "Notify Success", *_PUBLISHED, "Exempt?"]
_FAILED = ["Failed?", "Notify Failure", *_PUBLISHED, "Remediation Failed"]
TOLD = [*_RECORDED, *_SUCCEEDED, "Told"]
TOLD_AS_FAILURE = [*_RECORDED, *_FAILED]
TOLD_PLAINLY = ["Describe Outcome", "Notify Plainly", "Remediation Failed"]
TOLD_BEFORE = [*_RECORDED, "Told As Failure?", "Exempt?", "Told"]
TOLD_AS_FAILURE_BEFORE = [*_RECORDED, "Told As Failure?", "Remediation Failed"]
TOLD_WITHOUT_NAMES = [*_DESCRIBED, "Record Names", *_DESCRIBED, *_SUCCEEDED, "Told"]
TOLD_WITHOUT_RECORD = [*_RECORDED, *_DESCRIBED, *_SUCCEEDED, "Told"]
TOLD_AND_WAITS = [*_RECORDED, *_SUCCEEDED, "Wait For Exemption To End"]

_JUDGED = ["Verify Detach", "Reattach Needed?"]
_ATTACHED = [*_JUDGED, "Reattach Policy", "Confirm Attachment", "Attached By Others?"]

NOT_OURS = [*_JUDGED, "Nothing To Do"]
REPORTED = [*_JUDGED, *TOLD]
RESTORED = [*_ATTACHED, *TOLD]
ATTACHED_BY_OTHERS = [*_ATTACHED, "Nothing To Do"]
EXEMPT = [*_JUDGED, *TOLD_AND_WAITS]
RESTORED_AFTER_EXEMPTION = [*EXEMPT, *RESTORED]
REVOKED = [*EXEMPT, *ATTACHED_BY_OTHERS]
RESTORED_AND_TOLD_BEFORE = [*_ATTACHED, *TOLD_BEFORE]
RESTORED_WITHOUT_RECORD = [*_ATTACHED, *TOLD_WITHOUT_RECORD]
RESTORED_WITHOUT_NAMES = [*_ATTACHED, *TOLD_WITHOUT_NAMES]

FAILED_TO_VERIFY = ["Verify Detach", *TOLD_AS_FAILURE]
FAILED_TO_REATTACH = [*_JUDGED, "Reattach Policy", *TOLD_AS_FAILURE]
FAILED_TO_REATTACH_AND_TOLD_BEFORE = [*_JUDGED, "Reattach Policy", *TOLD_AS_FAILURE_BEFORE]
FAILED_TO_CONFIRM = [*_JUDGED, "Reattach Policy", "Confirm Attachment", *TOLD_AS_FAILURE]
FAILED_TO_DESCRIBE = [*_ATTACHED, *TOLD_PLAINLY]

REMEDIATION_FAILED = ("FAILED", "RemediationFailed")
NOTIFICATION_FAILED = ("FAILED", "NotificationFailed")
PUBLICATION_FAILED = ("FAILED", "PublicationFailed")

EVERY_STATE = {
    *NOT_OURS,
    *REPORTED,
    *RESTORED,
    *ATTACHED_BY_OTHERS,
    *FAILED_TO_VERIFY,
    *FAILED_TO_REATTACH,
    *FAILED_TO_CONFIRM,
    *FAILED_TO_DESCRIBE,
    *RESTORED_AFTER_EXEMPTION,
    *RESTORED_AND_TOLD_BEFORE,
    "Notification Failed",
    "Notify Unpublished",
    "Publication Failed",
}
