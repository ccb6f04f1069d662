"""The harness is imported by name from its own folder; the run ends with what it covered."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_terminal_summary(terminalreporter):
    if "entries" in sys.modules:
        from harness import coverage

        terminalreporter.write_line(coverage())
