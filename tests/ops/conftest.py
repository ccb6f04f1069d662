"""The harness is imported by name from its own folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
