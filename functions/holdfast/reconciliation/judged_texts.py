"""Judging live texts before attaching, without reading the same one for every attachment."""

from __future__ import annotations

import time

from holdfast.baseline import Guardrail
from holdfast.live_text import check_text, text_matters
from holdfast.organizations import Organizations

FRESH = 300.0
"""Seconds for which a text that was found fit is not read again.

A chunk may need twenty texts, and at its pace DescribePolicy takes 40 seconds for them. And the judgement
cannot be outrun: whoever can change a text within these minutes can as well change it after the policy was
attached.
"""


class JudgedTexts:
    """Remember which guardrails' policies were found fit to be attached.

    Parameters
    ----------
    organizations : Organizations
        The connection.
    """

    def __init__(self, organizations: Organizations) -> None:
        self._organizations = organizations
        self._fit_until: dict[Guardrail, float] = {}

    def refuse_unfit(self, guardrail: Guardrail) -> None:
        """Refuse a policy whose live text matters and is not what it must be.

        Raises
        ------
        ChangedSuccessorError, WidenedPolicyError
            If the text is not what it must be.
        OrganizationsError
            If it cannot be read.
        """
        if not text_matters(guardrail) or time.monotonic() < self._fit_until.get(guardrail, 0.0):
            return
        check_text(guardrail, self._organizations.policy(guardrail.policy_id).content)
        self._fit_until[guardrail] = time.monotonic() + FRESH
