"""No hand-written file is longer than 800 lines; those above 400 are named."""

import warnings

from tree import code_files, line_count

HARD, SOFT = 800, 400
# The contract, and pure tables.
EXEMPT = {"bindings_c/include/plait/c_api.h"}


def test_no_file_is_too_long():
    sizes = sorted(((line_count(f), f.as_posix()) for f in code_files()), reverse=True)
    sizes = [(n, f) for n, f in sizes if f not in EXEMPT]
    print("largest files:", *(f"{n:5d} {f}" for n, f in sizes[:10]), sep="\n")
    assert not [(n, f) for n, f in sizes if n > HARD]
    if above := [f"{f} ({n})" for n, f in sizes if n > SOFT]:
        warnings.warn(f"{len(above)} files above {SOFT} lines: {', '.join(above)}", stacklevel=1)
