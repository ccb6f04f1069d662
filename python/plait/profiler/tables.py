"""Tables of times and of memory."""

__all__ = ["SORT", "sorted_rows", "table_text"]

SORT = {"avg": "Avg", "min": "Min", "max": "Max", "count": "Count", "total": "Total"}
_COLUMNS = ("Count", "Total", "Min", "Max", "Avg")


def sorted_rows(rows, column, ascending):
    full = {
        name: dict(zip(_COLUMNS, (*row, row[1] / row[0]), strict=True))
        for name, row in rows.items()
    }
    order = sorted(full, key=lambda name: full[name][column], reverse=not ascending)
    return {name: full[name] for name in order}


def table_text(tables, memory):
    lines = ["Profile Statistics:"]
    times = ("Total Count", "Time (ms)", "Min Time (ms)", "Max Time (ms)", "Avg Time (ms)")
    uses = ("Total Count", "Min Use (kB)", "Max Use (kB)", "Avg Use (kB)")
    for groups, heads in ((tables, times), (memory, uses)):
        for kind, rows in groups.items():
            width = max(24, *(len(name) for name in rows)) + 2
            lines += ["", kind, "=" * len(kind)]
            lines.append("Name".ljust(width) + "".join(h.rjust(16) for h in heads))
            for name, row in rows.items():
                cells = [str(row[c]) if c == "Count" else f"{row[c]:.4f}" for c in row]
                lines.append(name.ljust(width) + "".join(c.rjust(16) for c in cells))
    return "\n".join(lines) + "\n"
