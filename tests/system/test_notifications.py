"""What comes out of the topics when somebody detaches a policy with the ordinary API."""

from __future__ import annotations

import json

from holdfast_cli.embedded import READER
from localaws.gateway import ApiError
from tests.deployed import Holdfast, text_of
from tests.system.subscribers import subscribe_queue

GUARDRAIL = ("DenyUnapprovedRegions", "Workloads")


def fail(holdfast: Holdfast) -> None:
    """Let the next guardrail stay detached."""
    holdfast.aws.faults.fail_call(
        "organizations", "AttachPolicy", ApiError("AccessDeniedException", "You may not.")
    )


def test_the_alert_comes_first_and_says_who_did_what(holdfast: Holdfast) -> None:
    run = holdfast.detach(*GUARDRAIL, by=holdfast.role("developer", session="mallory"))

    alert = holdfast.alerts()[-1]
    policy, target = holdfast.policy("DenyUnapprovedRegions"), holdfast.target("Workloads")
    organization = holdfast.deployment.organization.organization_id
    detail = run.event["detail"]
    assert alert.to == READER
    assert alert.received_at <= run.mail.received_at
    assert (
        alert.subject == f"[Holdfast {organization}] ALERT: DenyUnapprovedRegions was detached from {target}"
    )
    assert text_of(alert)[:-2] == [
        f"ALERT: “DenyUnapprovedRegions” was detached from {target}.",
        "",
        f"Who:          {run.says('Detached by')}",
        f"When:         {detail['eventTime']}",
        "From address: “127.0.0.1”",
        f"Event id:     {detail['eventID']}",
        f"Policy:       {policy}",
        "In baseline:  yes, as “DenyUnapprovedRegions”",
        "What next:    Holdfast is checking it; a second mail says how it ended",
        f"Organization: {organization}",
        "",
    ]
    assert f"holdfast exempt grant {policy} {target} --until 2h" in text_of(alert)[-2]


def test_the_outcome_answers_the_first_questions_on_its_first_screen(holdfast: Holdfast) -> None:
    run = holdfast.detach(*GUARDRAIL, by=holdfast.role("developer", session="mallory"))

    organization = holdfast.deployment.organization.organization_id
    detached_at = run.event["detail"]["eventTime"]
    assert run.mail.to == READER
    assert run.mail.subject == (f"[Holdfast {organization}] Restored: DenyUnapprovedRegions on OU Workloads")
    assert dict(run.mail.attributes) == {
        "outcome": "restored",
        "severity": "notice",
        "organization": organization,
        "policy_type": "SERVICE_CONTROL_POLICY",
        "policy_id": holdfast.policy("DenyUnapprovedRegions"),
        "target_id": holdfast.target("Workloads"),
    }
    assert (
        text_of(run.mail)[0]
        == "Restored: “DenyUnapprovedRegions” is attached to OU “Workloads” again, confirmed."
    )
    assert run.says("Covered now").startswith("yes, Organizations showed it at ")
    assert run.says("Exposed") == "5 s from the detach to the confirmation; 5 accounts at or below the target"
    assert run.says("Detached by") == (
        "role “developer” of account “111122223333”, session “mallory” (chosen by the caller), without MFA"
    )
    assert run.says("Policy text") == "as the baseline declares it"
    assert run.says("Detached at") == detached_at


def test_a_machine_gets_the_record(holdfast: Holdfast) -> None:
    queue = subscribe_queue(holdfast, "records")

    run = holdfast.detach(*GUARDRAIL, by=holdfast.role("developer", session="mallory"))

    (record,) = queue.messages()
    detail = run.event["detail"]
    assert record["mail"] == {"subject": run.mail.subject, "text": "\n".join(text_of(run.mail)) + "\n"}
    assert record["policy"] == {
        "id": holdfast.policy("DenyUnapprovedRegions"),
        "name": "DenyUnapprovedRegions",
        "now_named": "DenyUnapprovedRegions",
        "type": "SERVICE_CONTROL_POLICY",
        "text": "as declared",
    }
    assert record["target"] == {
        "id": holdfast.target("Workloads"),
        "kind": "OU",
        "name": "Workloads",
        "path": ["Workloads"],
        "accounts": 5,
    }
    assert (record["outcome"], record["severity"], record["failure"]) == ("restored", "notice", None)
    assert (record["detached_at"], record["event_id"]) == (detail["eventTime"], detail["eventID"])
    assert (record["exposure_seconds"], record["execution"]) == (5, run.arn)
    assert record["principal"]["arn"] == "arn:aws:iam::111122223333:role/developer"
    assert record["organization"] == holdfast.deployment.organization.organization_id


def test_chat_gets_its_own_form_with_one_thread_for_the_incident(holdfast: Holdfast) -> None:
    """Source: Amazon Q Developer in chat applications, "Custom notifications"."""
    holdfast.aws.client("sns").subscribe(
        TopicArn=holdfast.output("OutcomeTopicArn"),
        Protocol="https",
        Endpoint="https://global.sns-api.chatbot.amazonaws.com",
    )

    run = holdfast.detach(*GUARDRAIL)

    (webhook,) = holdfast.aws.inbox.webhooks
    message = json.loads(webhook.message)
    assert webhook.url == "https://global.sns-api.chatbot.amazonaws.com"
    assert (message["version"], message["source"]) == ("1.0", "custom")
    assert message["content"]["textType"] == "client-markdown"
    assert message["content"]["title"] == (
        ":shield: Restored: “DenyUnapprovedRegions” is attached to OU “Workloads” again, confirmed."
    )
    assert message["metadata"]["threadId"] == run.event["detail"]["eventID"]


def test_a_filter_on_the_severity_lets_only_pages_through(holdfast: Holdfast) -> None:
    pager = subscribe_queue(holdfast, "pager", severity=["page"])

    restored = holdfast.detach(*GUARDRAIL)
    fail(holdfast)
    failed = holdfast.detach(*GUARDRAIL)

    paged = [record["execution"] for record in pager.messages()]
    assert (restored.outcome, failed.outcome) == ("restored", "failed")
    assert paged == [failed.arn]


def test_a_filter_on_the_policy_lets_only_its_outcomes_through(holdfast: Holdfast) -> None:
    owner = subscribe_queue(holdfast, "owner", policy_id=[holdfast.policy("ProtectSecurityRoles")])

    holdfast.detach(*GUARDRAIL)
    holdfast.detach("ProtectSecurityRoles", "Security")

    assert [record["policy"]["name"] for record in owner.messages()] == ["ProtectSecurityRoles"]


def test_the_hostile_words_of_a_caller_forge_no_line(holdfast: Holdfast) -> None:
    fail(holdfast)
    event = holdfast.detach(*GUARDRAIL).event
    event["detail"]["userAgent"] = "curl\r\n\r\nCovered now:  NO\n“”\u202e"

    (run,) = holdfast.deliver(event)

    assert run.says("Covered now").startswith("yes, ")
    assert run.says("With program") == "“curl Covered now: NO ''”"
