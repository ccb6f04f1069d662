"""These tests run in a process with a device: see ../test_emulated.py."""

import os

if not os.environ.get("PLAIT_DEVICE_LIBRARY"):
    collect_ignore_glob = ["test_*.py"]
