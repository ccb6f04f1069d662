"""Operators of sparse arrays in graphs: `mx.sym.sparse`. Graphs compute with dense arrays."""

from .._gen import sym as _gen

__all__ = ["dot"]


def dot(lhs, rhs, transpose_a=False, transpose_b=False, forward_stype=None, name=None, **kwargs):
    """The product of two matrices; `forward_stype` is accepted, the result is dense."""
    return _gen.dot(lhs, rhs, transpose_a, transpose_b, name=name, **kwargs)


_OPERATORS = """
    ElementWiseSum Embedding FullyConnected LinearRegressionOutput LogisticRegressionOutput
    MAERegressionOutput abs add_n arccos arccosh arcsin arcsinh arctan arctanh broadcast_add
    broadcast_div broadcast_minus broadcast_mul broadcast_plus broadcast_sub cast_storage cbrt ceil
    clip concat cos cosh degrees digamma elemwise_add elemwise_div elemwise_mul elemwise_sub exp
    expm1 fix floor gamma gammaln log log10 log1p log2 make_loss mean negative norm radians relu
    retain rint round rsqrt sigmoid sign sin sinh slice sqrt square stop_gradient sum tan tanh trunc
    where zeros_like
""".split()
globals().update({name: getattr(_gen, name) for name in _OPERATORS if hasattr(_gen, name)})
