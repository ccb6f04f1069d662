"""Programs that come with the package: `python -m plait.tools.NAME`."""
