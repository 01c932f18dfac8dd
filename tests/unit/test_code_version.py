from __future__ import annotations

import re
from pathlib import Path

from holdfast.code_version import code_version


def written(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_what_is_deployed_has_a_short_name() -> None:
    assert re.fullmatch("[0-9a-f]{12}", code_version())


def test_the_same_code_has_the_same_name_wherever_it_lies(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, a="1", b="2") for name in ("one", "other"))
    assert code_version(one) == code_version(other)


def test_every_change_of_a_file_or_of_its_name_is_seen(tmp_path: Path) -> None:
    versions = {
        code_version(written(tmp_path / "as it was", a="1")),
        code_version(written(tmp_path / "changed", a="2")),
        code_version(written(tmp_path / "renamed", b="1")),
    }
    assert len(versions) == 3


def test_the_baseline_has_a_version_of_its_own(tmp_path: Path) -> None:
    folder = written(tmp_path / "functions", a="1")
    before = code_version(folder)
    code_version.cache_clear()
    (folder / "baseline.toml").write_text("changed")
    assert code_version(folder) == before
