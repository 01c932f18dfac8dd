"""`events/local-environment.json`: `sam local invoke` finds what `make local` deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from holdfast_cli.staging import PROJECT

if TYPE_CHECKING:
    from tests.deployed import Holdfast


def test_the_environment_file_names_what_is_deployed(holdfast: Holdfast) -> None:
    variables = json.loads((PROJECT / "events" / "local-environment.json").read_text())["Parameters"]

    assert variables["REMEDIATE_STATE_MACHINE_ARN"] == holdfast.output("StateMachineArn")
    tables = holdfast.aws.client("dynamodb").list_tables()["TableNames"]
    assert sorted(variables[name] for name in ("LEDGER_TABLE", "MEMORY_TABLE")) == sorted(tables)
    for variable, output in (("MAIL_TOPIC_ARN", "MailTopicArn"), ("ALARM_TOPIC_ARN", "AlarmTopicArn")):
        assert variables[variable] == holdfast.output(output)
    queue = holdfast.aws.client("sqs").get_queue_url(QueueName="holdfast-MailQueue")["QueueUrl"]
    assert variables["MAIL_QUEUE_URL"].partition("/111122223333/")[2] == queue.rpartition("/")[2]


def test_the_batch_for_send_mail_holds_the_sample_detach() -> None:
    events = PROJECT / "events"
    (record,) = json.loads((events / "tasks" / "send_mail.json").read_text())["Records"]

    assert json.loads(record["body"]) == json.loads((events / "detach_from_ou.json").read_text())
