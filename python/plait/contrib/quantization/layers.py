"""What an 8-bit layer computes: a convolution and what follows it up to its end."""

import ast

__all__ = ["Chain", "attribute", "pair", "pool_of"]

_SUMS = ("elemwise_add", "_plus", "_Plus", "_add", "broadcast_add", "broadcast_plus", "_npi_add")


def attribute(node, name, default):
    """An attribute of a node in JSON form, as a number, a tuple or text."""
    text = node.get("attrs", {}).get(name)
    if text is None:
        return default
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text, text)


def pair(node, name):
    """An attribute of two numbers, or None."""
    value = attribute(node, name, None)
    return tuple(value) if value else None


def pool_of(node):
    """'max' or 'mean' for a pooling of whole images that 8 bits are enough for, else None."""
    if node["op"] != "Pooling" or attribute(node, "layout", None) not in (None, "NCHW", "None"):
        return None
    kind = attribute(node, "pool_type", "max")
    if attribute(node, "global_pool", False):
        return "mean" if kind == "avg" else None
    convention = attribute(node, "pooling_convention", "valid")
    kernel = pair(node, "kernel")
    known = kind == "max" and convention in ("valid", "full") and kernel and len(kernel) == 2
    return "max" if known else None


def _is_relu(node):
    kind = attribute(node, "act_type", None) if node["op"] == "Activation" else node["op"]
    return kind in ("relu", "_npx_relu")


class Chain:
    """A layer, a batch norm, a sum and a relu that one kernel computes.

    Parameters
    ----------
    layer : int
        Number of the node.
    is_image : bool
        Whether it is a convolution.
    """

    def __init__(self, layer, is_image):
        self.layer, self.is_image = layer, is_image
        self.norm = self.operand = None
        self.relu = False
        self.end = (layer, 0)

    def may_take(self, node, is_first):
        """Whether a node that reads the end, as its first input or another, can be the next."""
        if self.relu:
            return False
        if _is_relu(node):
            return True
        if not self.is_image or self.operand is not None:
            return False
        if node["op"] == "BatchNorm":
            plain = attribute(node, "axis", 1) == 1 and not attribute(
                node, "output_mean_var", False
            )
            return self.norm is None and is_first and plain
        return node["op"] in _SUMS

    def add(self, number, node, entries, before):
        """Take in a node that `may_take` allowed."""
        if _is_relu(node):
            self.relu = True
        elif node["op"] == "BatchNorm":
            self.norm = number
        else:
            self.operand = entries[1] if entries[0] == before else entries[0]
        self.end = (number, 0)

    def attributes(self, node, num_filter):
        """Those of `int8_convolution`, but for its dtype and the operand's factor."""
        attrs = {"kernel": (1, 1), "num_filter": num_filter, "relu": self.relu}
        if self.is_image:
            attrs["kernel"] = pair(node, "kernel")
            attrs["num_group"] = attribute(node, "num_group", 1)
            for name in ("stride", "dilate", "pad"):
                if pair(node, name):
                    attrs[name] = pair(node, name)
        return attrs
