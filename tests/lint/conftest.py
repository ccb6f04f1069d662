import sys
from pathlib import Path

# The tests of this folder share tree.py; importlib mode puts no folder on sys.path.
sys.path.insert(0, str(Path(__file__).parent))
