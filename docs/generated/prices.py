"""What AWS asks for, in US dollars, in us-east-1, without any free tier, as published in 2026."""

from __future__ import annotations

KEY = 1.00
"""A KMS key for a month, and each of its first two rotations. Source: KMS pricing, "Key storage"."""

PAID_ROTATIONS = 2
"""Of each key; later ones are free. Source: KMS developer guide, "Rotate AWS KMS keys"."""

ALARM_METRIC = 0.10
"""A metric that an alarm looks at, for a month. Source: CloudWatch pricing, "Alarms", standard resolution."""

COMPOSITE_ALARM = 0.50
"""Source: the same."""

DASHBOARD = 3.00
"""For a month. Source: CloudWatch pricing, "Dashboards"."""

CUSTOM_METRIC = 0.30
"""A metric of one's own, for a month. Source: CloudWatch pricing, "Metrics", the first 10,000."""

LOGGED_GIGABYTE = 0.50
"""A GB that is written to a log. Source: CloudWatch pricing, "Logs", standard and vended."""

LOG_STORAGE = 0.03
"""A GB of logs for a month. Source: the same."""

TRANSITION_PRICE = 0.025 / 1_000
"""A state transition; a retry is one. Source: Step Functions pricing, Standard workflows."""

REQUEST_PRICE = 0.20 / 1_000_000
"""A Lambda request. Source: Lambda pricing."""

SECOND_PRICE = 0.0000133334
"""A GB-second on arm64, and our functions have 1 GB. Source: the same."""

QUEUE_REQUEST = 0.40 / 1_000_000
"""Source: SQS pricing, standard queues."""

MAIL = 2.00 / 100_000
"""A mail. Source: SNS pricing, "Email/Email-JSON"."""

WRITE_UNIT = 0.625 / 1_000_000
"""1 KB that is written to a table; in a transaction it takes two. Source: DynamoDB pricing, on-demand."""

TABLE_STORAGE = 0.25 + 0.20
"""A GB for a month, with point-in-time recovery. Source: the same."""
