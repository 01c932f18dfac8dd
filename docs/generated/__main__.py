"""Write the generated parts of the README anew: `python -m docs.generated`."""

from __future__ import annotations

from docs.generated.readme import README, refresh

README.write_text(refresh(README.read_text(encoding="utf-8")), encoding="utf-8")
