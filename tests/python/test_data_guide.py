"""The programs of python/docs/data.md run."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "python" / "docs" / "data.md"


def test_programs_of_the_guide_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    space = {}
    for program in programs:
        exec(compile(program, GUIDE.name, "exec"), space)
    assert len(programs) == 5
    assert space["batch"].data[0].shape == (8, 3, 32, 32) and space["images"].shape[0] == 2
    assert space["batches"].skipped == 1 and space["number"] == 31
    assert space["found"].shape[2] == 6 and space["loss"].shape == (2,)
