"""Symbols as tables and drawings."""

import json
import re
import shutil
import subprocess

import numpy as np

from .symbol import Symbol

__all__ = ["Drawing", "plot_network", "print_summary"]

_COLOURS = {
    "null": "#8dd3c7",
    "Convolution": "#fb8072",
    "Deconvolution": "#fb8072",
    "FullyConnected": "#fb8072",
    "BatchNorm": "#bebada",
    "Activation": "#ffffb3",
    "LeakyReLU": "#ffffb3",
    "Pooling": "#80b1d3",
    "Concat": "#fdb462",
    "Flatten": "#fdb462",
    "Reshape": "#fdb462",
    "Softmax": "#fccde5",
    "SoftmaxOutput": "#fccde5",
}
_OTHER = "#b3de69"


class _Node:
    """A node of the graph file with the shape of its output."""

    def __init__(self, index, item, nodes, shapes):
        self.index, self.op, self.name = index, item["op"], item["name"]
        self.attrs = item.get("attrs", {})
        self.inputs = [nodes[e[0]] for e in item["inputs"]]
        key = self.name if self.op == "null" else self.name + "_output"
        self.shape = shapes.get(key)


def _nodes(symbol, shape):
    """Nodes of a symbol in order; shapes of outputs follow from `shape` (dict), if given."""
    if not isinstance(symbol, Symbol):
        raise TypeError(f"symbol is {type(symbol).__name__}, must be a Symbol")
    shapes = {}
    if shape is not None:
        internals = symbol.get_internals()
        _, found, _ = internals.infer_shape(**shape)
        if found is None:
            raise ValueError(f"shape is {shape}, must determine all shapes")
        shapes = dict(zip(internals.list_outputs(), found, strict=True))
    graph = json.loads(symbol.tojson())
    nodes = []
    for i, item in enumerate(graph["nodes"]):
        nodes.append(_Node(i, item, nodes, shapes))
    return nodes, {head[0] for head in graph["heads"]}, shapes


_PARAMETER = re.compile(
    r"(weight|bias|gamma|beta|moving_mean|moving_var|running_mean|running_var)$"
)
_STATE = re.compile(r"(moving|running)_(mean|var)$")


def _is_parameter(node, given):
    return node.op == "null" and node.name not in given and bool(_PARAMETER.search(node.name))


def _is_input(node, given):
    """Whether a variable stands for data: one of `given`, or without these what is no label."""
    if given:
        return node.name in given
    return not _is_parameter(node, given) and not node.name.endswith("label")


def print_summary(symbol, shape=None, line_length=120, positions=(0.44, 0.64, 0.74, 1.0)):
    """Print a table of the layers: names, output shapes, numbers of parameters, inputs.

    Parameters
    ----------
    symbol : Symbol
    shape : dict of str to tuple, optional
        Shapes of the inputs; without it shapes and numbers are left out.
    line_length : int
        Width in characters.
    positions : sequence of float
        Ends of the columns: in characters, or as shares of the width.

    Returns
    -------
    int
        Number of parameters in all, without the running means and variances of `BatchNorm`.
    """
    nodes, _, shapes = _nodes(symbol, shape)
    given = set(shape or ())
    ends = [int(line_length * p) for p in positions] if positions[-1] <= 1 else list(positions)

    def row(fields):
        line = ""
        for field, end in zip(fields, ends, strict=True):
            line = (line + str(field))[: end - 1].ljust(end)
        print(line)

    def count(node):
        """Elements of the parameters of a node that no node before it has."""
        new = [n for n in node.inputs if _is_parameter(n, given) and n.name not in counted]
        counted.update(n.name for n in new)
        trained = [n for n in new if not _STATE.search(n.name) and n.shape is not None]
        return sum(int(np.prod(n.shape)) for n in trained)

    total, counted = 0, set()
    shown = [node for node in nodes if node.op != "null" or _is_input(node, given)]
    print("_" * line_length)
    row(["Layer (type)", "Output Shape", "Param #", "Previous Layer"])
    print("=" * line_length)
    for node in shown:
        number = count(node)
        total += number
        before = [n.name for n in node.inputs if n.op != "null" or _is_input(n, given)]
        out = "x".join(map(str, node.shape[1:])) if node.shape is not None else ""
        row([f"{node.name}({node.op})", out, number, before[0] if before else ""])
        for name in before[1:]:
            row(["", "", "", name])
        print(("=" if node is shown[-1] else "_") * line_length)
    print(f"Total params: {total}")
    print("_" * line_length)
    return total


class Drawing:
    """A graph in the DOT language.

    Attributes
    ----------
    source : str
        The text.
    """

    def __init__(self, source, title):
        self.source, self._title = source, title

    def save(self, filename=None):
        """Write the text; returns the name of the file, by default ``<title>.gv``."""
        filename = filename or f"{self._title}.gv"
        with open(filename, "w", encoding="utf-8") as out:
            out.write(self.source)
        return filename

    def render(self, filename=None, format="pdf"):
        """Draw with the program ``dot`` of Graphviz; returns the name of the drawing.

        Raises
        ------
        RuntimeError
            If ``dot`` is not installed or fails.
        """
        dot = shutil.which("dot")
        if dot is None:
            raise RuntimeError("plot_network: program 'dot' is not found, must be installed")
        text = self.save(filename)
        drawing = f"{text}.{format}"
        run = subprocess.run(
            [dot, f"-T{format}", text, "-o", drawing], capture_output=True, text=True
        )
        if run.returncode:
            raise RuntimeError(f"plot_network: dot failed: {run.stderr.strip()}")
        return drawing

    view = render

    def __str__(self):
        return self.source


def _label(node):
    attrs = node.attrs
    if node.op == "null":
        return node.name
    if node.op in ("Convolution", "Deconvolution"):
        size = "x".join(re.findall(r"\d+", attrs.get("kernel", "")))
        step = "x".join(re.findall(r"\d+", attrs.get("stride", "1")))
        return f"{node.op}\\n{size}/{step}, {attrs.get('num_filter', '')}"
    if node.op == "FullyConnected":
        return f"{node.op}\\n{attrs.get('num_hidden', '')}"
    if node.op in ("Activation", "LeakyReLU"):
        return f"{node.op}\\n{attrs.get('act_type', '')}"
    if node.op == "Pooling":
        size = "x".join(re.findall(r"\d+", attrs.get("kernel", "")))
        step = "x".join(re.findall(r"\d+", attrs.get("stride", "1")))
        return f"Pooling\\n{attrs.get('pool_type', 'max')}, {size}/{step}"
    return node.op


def _quoted(text):
    return '"' + text.replace('"', '\\"') + '"'


def plot_network(
    symbol,
    title="plot",
    save_format="pdf",
    shape=None,
    dtype=None,
    node_attrs=None,
    hide_weights=True,
):
    """A drawing of a symbol, from the inputs at the bottom to the outputs at the top.

    Parameters
    ----------
    symbol : Symbol
    title : str
    save_format : str
        Accepted for MXNet's programs; `Drawing.render` takes the format.
    shape : dict of str to tuple, optional
        Shapes of the inputs: edges then carry shapes.
    node_attrs : dict of str, optional
        Attributes of the nodes in the DOT language.
    hide_weights : bool
        Whether parameters are left out.

    Returns
    -------
    Drawing
    """
    nodes, _, _ = _nodes(symbol, shape)
    style = {
        "shape": "box", "fixedsize": "true", "width": "1.3", "height": "0.8034", "style": "filled",
        **(node_attrs or {}),
    }  # fmt: skip
    lines = [f"digraph {_quoted(title)} {{", "  rankdir=BT;"]
    lines.append("  node [" + ", ".join(f"{k}={_quoted(v)}" for k, v in style.items()) + "];")
    given = set(shape or ())
    hidden = {n.index for n in nodes if hide_weights and _is_parameter(n, given)}
    for node in nodes:
        if node.index in hidden:
            continue
        colour = _COLOURS.get(node.op, _OTHER)
        oval = ", shape=oval" if node.op == "null" else ""
        lines.append(
            f'  {_quoted(node.name)} [label="{_label(node)}", fillcolor="{colour}"{oval}];'
        )
    for node in nodes:
        for source in node.inputs:
            if source.index in hidden:
                continue
            text = "x".join(map(str, source.shape[1:])) if source.shape is not None else ""
            label = f' [label="{text}"]' if text else ""
            lines.append(f"  {_quoted(source.name)} -> {_quoted(node.name)}{label};")
    return Drawing("\n".join([*lines, "}"]) + "\n", title)
