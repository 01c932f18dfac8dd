"""The report's page in a browser, where one is installed: nothing of it is wider than the window."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast_cli.evidence import Evidence
from holdfast_cli.report_page import render_page
from tests.unit.evidence_examples import REGIONS, eventful, evidence, incident, on

pytestmark = pytest.mark.long

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# In a frame, for a window without a head is never narrower than 500 pixels.
_FRAME = """<!doctype html><body><iframe id="page" src="page.html" width="{width}" height="800"></iframe>
<script>
addEventListener("load", () => {{
  const root = document.getElementById("page").contentDocument.documentElement;
  document.body.dataset.measured = root.clientWidth + " " + root.scrollWidth;
}});
</script></body>"""


def worst() -> Evidence:
    """Return evidence with words that are as long as words get, and without a place to break them."""
    long = replace(
        incident(REGIONS, on(5), "failed"),
        policy_name="W" * 128,
        principal="arn:aws:sts::" + "x" * 400,
        error="E" * 90,
    )
    return evidence([long])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed (apt-get install chromium)")
@pytest.mark.parametrize("width", [320, 390, 735, 740, 1280])
@pytest.mark.parametrize("found", [eventful(), worst(), evidence([])], ids=["eventful", "worst", "empty"])
def test_nothing_is_wider_than_the_window(tmp_path: Path, found: Evidence, width: int) -> None:
    # A page that is read from a file is of no origin; the frame's border is not part of the page.
    (tmp_path / "page.html").write_text(render_page(found), encoding="utf-8")
    frame = _FRAME.format(width=width).replace("<iframe", '<iframe style="border:0"')
    (tmp_path / "frame.html").write_text(frame, encoding="utf-8")

    dumped = subprocess.run(  # noqa: S603 - the browser that is installed
        [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--allow-file-access-from-files",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,900",
            "--virtual-time-budget=5000",
            "--dump-dom",
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout

    (measured,) = re.findall(r'data-measured="(\d+) (\d+)"', dumped)
    assert measured == (str(width), str(width))
