"""Make the shared library argv[1] call our teams (core/team) where it calls GCC's OpenMP.

In the names that it takes from libgomp.so.1, "omp" becomes "plt", and libplteam.so takes the place
of that library. Names are overwritten where they stand, so nothing in the file moves, and keep
their symbol versions, which libplteam.so defines. Fails, and changes nothing, if the library takes
other names from libgomp than those in core/team/no_openmp.cc.
"""

import re
import struct
import sys
from pathlib import Path

LIBRARY = (b"libgomp.so.1", b"libplteam.so")
SOURCE = Path(__file__).parents[1] / "team" / "no_openmp.cc"
OFFERED = set(re.findall(rb"\b(G?(?:PLT|plt)_\w+)\(", SOURCE.read_bytes()))
DYNSYM, DYNAMIC, VERNEED = 11, 6, 0x6FFFFFFE  # section types
NEEDED, SONAME, RPATH, RUNPATH = 1, 14, 15, 29  # tags of entries of .dynamic


def sections(data):
    """(type, offset, size, link) of each section of a 64-bit little-endian file."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise SystemExit("is no 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    for i in range(count):
        _, kind, _, _, offset, length, link = struct.unpack_from("<IIQQQQI", data, table + i * size)
        yield kind, offset, length, link


def version_needs(data, offset):
    """(position of the file's name, [position of a version's name]) of each needed library."""
    while True:
        _, count, file, first, following = struct.unpack_from("<HHIII", data, offset)
        names, at = [], offset + first
        for _ in range(count):
            _, _, _, name, step = struct.unpack_from("<IHHII", data, at)
            names.append(name)
            at += step
        yield file, names
        if not following:
            return
        offset += following


def redirect(data):
    parts = list(sections(data))
    by_kind = {kind: (offset, size, link) for kind, offset, size, link in parts}
    symbols, symbols_size, link = by_kind[DYNSYM]
    strings = parts[link][1]

    def text(position):
        begin = strings + position
        return bytes(data[begin : data.index(b"\0", begin)])

    used = set()  # all positions in the table of names
    renamed = {}  # position: new name
    for at in range(symbols, symbols + symbols_size, 24):
        position, _, _, section = struct.unpack_from("<IBBH", data, at)
        used.add(position)
        name = text(position)
        if section == 0 and name.startswith((b"GOMP_", b"omp_")):
            renamed[position] = name.replace(b"OMP_", b"PLT_").replace(b"omp_", b"plt_")
    dynamic, dynamic_size, _ = by_kind[DYNAMIC]
    for at in range(dynamic, dynamic + dynamic_size, 16):
        tag, value = struct.unpack_from("<QQ", data, at)
        if tag in (NEEDED, SONAME, RPATH, RUNPATH):
            used.add(value)
            if text(value) == LIBRARY[0]:
                renamed[value] = LIBRARY[1]
    if LIBRARY[1] not in renamed.values():
        raise SystemExit(f"does not need {LIBRARY[0].decode()}")
    for file, names in version_needs(data, by_kind[VERNEED][0]):
        used.update([file, *names])
        if text(file) == LIBRARY[0]:
            renamed[file] = LIBRARY[1]
    missing = set(renamed.values()) - OFFERED - {LIBRARY[1]}
    if missing:
        raise SystemExit(f"needs {b', '.join(sorted(missing)).decode()}: not in core/team")
    for position, new in renamed.items():
        old = text(position)
        changed = max(i for i in range(len(old)) if old[i] != new[i])
        # One name may be the end of a longer one.
        if data[strings + position - 1] or any(position < p <= position + changed for p in used):
            raise SystemExit(f"shares the name {old.decode()} with others")
        data[strings + position : strings + position + len(new)] = new


if __name__ == "__main__":
    path = Path(sys.argv[1])
    content = bytearray(path.read_bytes())
    try:
        redirect(content)
    except SystemExit as error:
        sys.exit(f"{path} {error}")
    path.write_bytes(content)
