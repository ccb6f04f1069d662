"""Print the path of the installed file of distribution argv[1] that ends in argv[2]."""

import sys
from importlib.metadata import PackageNotFoundError, files

dist, suffix = sys.argv[1:]
try:
    found = [f for f in files(dist) or () if f"/{f.as_posix()}".endswith(f"/{suffix}")]
except PackageNotFoundError:
    sys.exit(f"the Python distribution {dist} is not installed")
if not found:
    sys.exit(f"the Python distribution {dist} has no file {suffix}")
print(found[0].locate().resolve().as_posix())
