"""The ways through the state machine, state by state."""

from __future__ import annotations

_BEGUN = ["Take Turn", "Which Way?"]
_LOOK = ["Find Drift", "What Next?"]
_SECOND_LOOK = [*_LOOK, "Wait For Second Look", *_LOOK]
_RESTORE = ["Restore Policy Types", "Restore Policies", "Each Chunk"]
_CHUNK = ["Restore Attachments", "Chunk Finished?", "Chunk Done"]
_DESCRIBED = ["Describe Reconciliation", "Worth Telling?"]
_PART = ["Whole Baseline?", *_DESCRIBED]
_WHOLE = ["Whole Baseline?", "Check Wiring", *_DESCRIBED]

_RECORDED = ["Left Unrecorded?", "Record Attachments", "Record Incident"]
_PUBLISHED = ["Unpack Message", "Publish Incident", "Told As Failure?"]
NOTIFIED, QUIET = "Told", "Nothing To Tell"
TOLD_NOW = ["Failed?", "Notify Success", *_PUBLISHED, NOTIFIED]
TOLD = [*_RECORDED, *TOLD_NOW]
FAILED = [*_RECORDED, "Failed?", "Notify Failure", *_PUBLISHED, "Reconciliation Failed"]
FAILED_AGAIN = "Reconciliation Failed"
"""It was told before, and ends as a failure all the same."""
TOLD_PLAINLY = ["Notify Plainly", "Description Failed"]

NOTHING_TO_DO = [*_BEGUN, "Nothing To Do"]
REPORTED = [*_BEGUN, *_DESCRIBED, *TOLD]

CLEAN = [*_BEGUN, *_LOOK, *_WHOLE, QUIET]
FOUND = [*_BEGUN, *_LOOK, *_RESTORE, *_WHOLE, *TOLD]
FOUND_TWICE = [*_BEGUN, *_SECOND_LOOK, *_RESTORE, *_WHOLE, *TOLD]
ATTACHED = [*_BEGUN, *_LOOK, *_RESTORE, *_CHUNK, *_WHOLE, *TOLD]
ATTACHED_AFTER_SECOND_LOOK = [*_BEGUN, *_SECOND_LOOK, *_RESTORE, *_CHUNK, *_WHOLE, *TOLD]
LEFT_ALONE = [*_BEGUN, *_SECOND_LOOK, *_WHOLE, QUIET]

ATTACHED_AT_ONCE = [*_BEGUN, *_LOOK, *_RESTORE, *_CHUNK, *_PART, *TOLD]
PART_FOUND = [*_BEGUN, *_LOOK, *_PART, *TOLD]

_UNSETTLED = [*_LOOK, "Wait For Changes To Settle"]
CLEAN_AFTER_AN_EVENT = [*_BEGUN, *_UNSETTLED * 3, *_LOOK, *_PART, QUIET]
"""A read may be older than the event, so a clean one counts only after a minute."""
RESTORED_AFTER_AN_EVENT = [*_BEGUN, *_LOOK, *_RESTORE, *_PART, *TOLD]
ATTACHED_AFTER_AN_EVENT = [*_BEGUN, *_LOOK, *_RESTORE, *_CHUNK, *_PART, *TOLD]

_COMPARED = ["Compare Coverage", "Look At The Account Again?"]
COMPARED = [*_BEGUN, *_COMPARED, *_DESCRIBED]
COMPARED_TWICE = [*_BEGUN, *_COMPARED, "Wait For The Account To Arrive", *_COMPARED, *_DESCRIBED]

RECONCILIATION_FAILED = ("FAILED", "ReconciliationFailed")
NOTIFICATION_FAILED = ("FAILED", "NotificationFailed")
PUBLICATION_FAILED = ("FAILED", "PublicationFailed")
