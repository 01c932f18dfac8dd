"""A function's start: fresh processes, compared with the bare boto3 client in the same run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from holdfast_cli.staging import PROJECT

FUNCTIONS = ("verify_detach", "reattach_policy", "confirm_attachment", "describe_outcome")
RUNS = 7

_BARE = "import boto3; boto3.client('organizations', region_name='us-east-1')"
_MEASURE = """
import json, pathlib, time
began = time.perf_counter()
{work}
cold = time.perf_counter() - began
warm = []
for _ in range({repeats}):
    began = time.perf_counter()
    {again}
    warm.append(time.perf_counter() - began)
# Not getrusage, whose peak a process inherits from the one that started it.
status = pathlib.Path("/proc/self/status")
peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024 if status.exists() else 0
print(json.dumps([cold * 1000, (sorted(warm)[len(warm) // 2] if warm else 0) * 1000, peak]))
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians of several fresh processes.

    Parameters
    ----------
    name : str
        The function's module.
    cold, warm : float
        Milliseconds of this machine: import, clients and first call; a later call.
    bare : float
        Milliseconds of this machine for a bare `boto3.client("organizations")`.
    peak : float
        Peak memory in MiB; 0 where the system does not tell.
    """

    name: str
    cold: float
    warm: float
    bare: float
    peak: float

    @property
    def ratio(self) -> float:
        """The cold start in bare clients."""
        return self.cold / self.bare


def cold_starts(
    endpoint_url: str, payloads: dict[str, object], environments: dict[str, dict[str, str]]
) -> list[ColdStart]:
    """Start each function several times, in turn with the bare client, and return the medians.

    Parameters
    ----------
    endpoint_url : str
        The embedded AWS that the functions call.
    payloads : dict
        The input for each function.
    environments : dict
        The environment of each.
    """
    return [
        _cold_start(name, payloads[name], {**environments[name], "AWS_ENDPOINT_URL": endpoint_url})
        for name in FUNCTIONS
    ]


def _cold_start(name: str, payload: object, environment: dict[str, str]) -> ColdStart:
    call = f"handler({payload!r}, None)"
    program = _MEASURE.format(work=f"from {name} import handler; {call}", again=call, repeats=5)
    bare = _MEASURE.format(work=_BARE, again="pass", repeats=0)
    pairs = [(_run(program, environment), _run(bare, environment)) for _ in range(RUNS)]
    ours = [run for run, _ in pairs]
    return ColdStart(
        name=name,
        cold=statistics.median(run[0] for run in ours),
        warm=statistics.median(run[1] for run in ours),
        bare=statistics.median(run[0] for _, run in pairs),
        peak=statistics.median(run[2] for run in ours),
    )


def _run(program: str, environment: dict[str, str]) -> tuple[float, float, float]:
    done = subprocess.run(  # noqa: S603 - our own program, our own interpreter
        [sys.executable, "-B", "-c", program],
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    cold, warm, peak = json.loads(done.stdout.splitlines()[-1])
    return cold, warm, peak


def zip_bytes() -> int:
    """Return the size of the zip of a clean copy of `functions/`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "functions.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted((PROJECT / "functions").rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.write(file, file.relative_to(PROJECT / "functions"))
        return path.stat().st_size
