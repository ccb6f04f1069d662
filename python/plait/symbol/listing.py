"""Graphs as text for people, in MXNet's form."""

import json

__all__ = ["listing"]

_RULE = "--------------------"


def listing(symbol):
    """The outputs, then node by node what it reads and its attributes.

    Parameters
    ----------
    symbol : Symbol

    Returns
    -------
    str
        Inputs that are variables carry a version: how many operators have written the variable up
        to this one, as batch norm writes its running statistics.
    """
    graph = json.loads(symbol.tojson(remove_amp_cast=False))
    nodes, states = graph["nodes"], set(symbol.list_auxiliary_states())
    lines = ["Symbol Outputs:"]
    for i, (source, output, *_) in enumerate(graph["heads"]):
        lines.append(f"\toutput[{i}]={nodes[source]['name']}({output})")
    written = dict.fromkeys(range(len(nodes)), 0)
    for node in nodes:
        if node["op"] == "null":
            lines.append(f"Variable:{node['name']}")
            continue
        lines += [_RULE, f"Op:{node['op']}, Name={node['name']}"]
        lines += ["Inputs:"] if node["inputs"] else []
        for i, (source, output, *_) in enumerate(node["inputs"]):
            given, version = nodes[source], ""
            if given["op"] == "null":
                written[source] += given["name"] in states
                version = f" version={written[source]}"
            lines.append(f"\targ[{i}]={given['name']}({output}){version}")
        attributes = node.get("attrs", {})
        lines += ["Attrs:"] if attributes else []
        lines += [f"\t{key}={attributes[key]}" for key in sorted(attributes)]
    return "\n".join(lines) + "\n"
