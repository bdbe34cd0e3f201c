"""Every block of Python in docs/PYTHON.md runs, in order; and that of the package's own page."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from dreichor.testing import Log


@pytest.mark.parametrize("page", ["docs/PYTHON.md", "python/README.md"])
def test_the_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = Log(tmp_path / "data")
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks and os.getcwd() == str(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    if "test_the_first_tick_buys" in names:
        names["test_the_first_tick_buys"](Log(tmp_path / "other"))
        assert [event.line for event in names["dreichor"].events("data", after=names["cursor"])] == []
    assert log.events()
    log.run("verify")
