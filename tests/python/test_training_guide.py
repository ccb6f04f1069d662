"""The programs of python/docs/training.md run."""

import re
from pathlib import Path

import numpy as np

from plait import amp

GUIDE = Path(__file__).parents[2] / "python" / "docs" / "training.md"


def test_programs_of_the_guide_run(capsys):
    programs = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    space = {}
    try:
        for program in programs:
            exec(compile(program, GUIDE.name, "exec"), space)
    finally:
        amp.deactivate()
    assert len(programs) >= 8 and space["batches"].epoch == 2
    x = space["nd"].random.normal(shape=(5, 8))
    got, want = space["again"](x).asnumpy(), space["net"](x).asnumpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    whole = space["decoder"](space["text"]).asnumpy()
    np.testing.assert_allclose(space["following"].asnumpy(), whole[:, 5:], rtol=1e-3, atol=1e-4)
