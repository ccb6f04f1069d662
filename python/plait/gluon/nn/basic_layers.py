"""The common layers."""

from ..hybrid_block import HybridBlock
from .activations import Activation

__all__ = ["Dense", "Dropout", "Embedding", "Flatten", "SparseEmbedding"]


class Dense(HybridBlock):
    """``activation(x W^T + b)``: (n, *) to (n, units), or (..., k) to (..., units).

    Parameters
    ----------
    units : int
        Size of the output.
    activation : str, optional
        As in `Activation`.
    use_bias : bool
    flatten : bool
        Whether all axes but the first are joined; else only the last axis is mapped.
    dtype : str
    weight_initializer, bias_initializer : Initializer or str, optional
    in_units : int
        Size of the input; 0: told by the first forward pass.
    """

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        flatten=True,
        dtype="float32",
        weight_initializer=None,
        bias_initializer="zeros",
        in_units=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._units, self._in_units, self._join = units, in_units, flatten
        with self.name_scope():
            self.weight = self.params.get(
                "weight",
                shape=(units, in_units),
                dtype=dtype,
                init=weight_initializer,
                allow_deferred_init=True,
            )
            self.bias = (
                self.params.get(
                    "bias",
                    shape=(units,),
                    dtype=dtype,
                    init=bias_initializer,
                    allow_deferred_init=True,
                )
                if use_bias
                else None
            )
            self.act = Activation(activation, prefix=activation + "_") if activation else None

    def hybrid_forward(self, F, x, weight, bias=None):
        out = F.FullyConnected(
            x,
            weight,
            bias,
            num_hidden=self._units,
            no_bias=bias is None,
            flatten=self._join,
            name="fwd",
        )
        return out if self.act is None else self.act(out)

    def __repr__(self):
        act = self.act if self.act is not None else "linear"
        shape = self.weight.shape
        return f"Dense({shape[1] or None} -> {shape[0]}, {act})"


class Dropout(HybridBlock):
    """In training, sets a share `rate` of the elements to 0 and scales the others up.

    `axes` lists the axes along which the choice is the same.
    """

    def __init__(self, rate, axes=(), prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._rate, self._axes = rate, axes

    def hybrid_forward(self, F, x):
        if self._rate <= 0:
            return F.identity(x)
        return F.Dropout(x, p=self._rate, axes=self._axes, name="fwd")

    def __repr__(self):
        return f"Dropout(p = {self._rate}, axes={self._axes})"


class Embedding(HybridBlock):
    """Rows of a learnt table: integers of any shape to (..., output_dim)."""

    def __init__(
        self,
        input_dim,
        output_dim,
        dtype="float32",
        weight_initializer=None,
        sparse_grad=False,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._kwargs = {
            "input_dim": input_dim,
            "output_dim": output_dim,
            "dtype": dtype,
            "sparse_grad": sparse_grad,
        }
        self.weight = self.params.get(
            "weight",
            shape=(input_dim, output_dim),
            dtype=dtype,
            init=weight_initializer,
            allow_deferred_init=True,
            grad_stype="row_sparse" if sparse_grad else "default",
        )

    def hybrid_forward(self, F, x, weight):
        return F.Embedding(x, weight, name="fwd", **self._kwargs)

    def __repr__(self):
        return "Embedding({input_dim} -> {output_dim}, {dtype})".format(**self._kwargs)


class SparseEmbedding(Embedding):
    """`Embedding` with gradients of the rows in use only."""

    def __init__(
        self,
        input_dim,
        output_dim,
        dtype="float32",
        weight_initializer=None,
        prefix=None,
        params=None,
    ):
        super().__init__(input_dim, output_dim, dtype, weight_initializer, True, prefix, params)


class Flatten(HybridBlock):
    """(n, ...) to (n, the product of the rest)."""

    def hybrid_forward(self, F, x):
        return F.Flatten(x)

    def __repr__(self):
        return "Flatten"
