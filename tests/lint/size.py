"""Print lines of code per folder, two levels deep, beside those of branch main."""

import subprocess
from collections import Counter

from tree import ROOT, code_files, line_count


def folder(path):
    return "/".join(path.parts[: min(2, len(path.parts) - 1)])


def lines_on_main(path):
    shown = subprocess.run(["git", "show", f"main:{path}"], cwd=ROOT, capture_output=True)
    return shown.stdout.count(b"\n")


def main():
    here, before = Counter(), Counter()
    for path in code_files():
        here[folder(path)] += line_count(path)
        before[folder(path)] += lines_on_main(path)
    for name in sorted(here):
        print(f"{name:32} {here[name]:7d} {here[name] - before[name]:+7d}")
    print(f"{'all':32} {here.total():7d} {here.total() - before.total():+7d}")


if __name__ == "__main__":
    main()
