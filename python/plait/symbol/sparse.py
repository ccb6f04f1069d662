"""Operators of sparse arrays in graphs: `mx.sym.sparse`. Graphs compute with dense arrays."""

from .._gen import sym as _gen

__all__ = ["dot"]


def dot(lhs, rhs, transpose_a=False, transpose_b=False, forward_stype=None, name=None, **kwargs):
    """The product of two matrices; `forward_stype` is accepted, the result is dense."""
    return _gen.dot(lhs, rhs, transpose_a, transpose_b, name=name, **kwargs)


_OPERATORS = """
    Embedding FullyConnected LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput abs
    add_n broadcast_add broadcast_div broadcast_mul broadcast_sub clip concat elemwise_add
    elemwise_div elemwise_mul elemwise_sub make_loss mean negative norm relu sigmoid sign slice sqrt
    square stop_gradient sum tanh where zeros_like cast_storage retain
""".split()
globals().update({name: getattr(_gen, name) for name in _OPERATORS if hasattr(_gen, name)})
