"""NeuMF: He and others, "Neural collaborative filtering" (2017); DLRM: Naumov and others, "Deep
learning recommendation model" (2019)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["NeuMF", "DLRM"]


def _dense(sizes):
    out = nn.HybridSequential()
    for size in sizes:
        out.add(nn.Dense(size, activation="relu"))
    return out


class NeuMF(HybridBlock):
    """Users and items of shape (n,) to scores of shape (n,), before the sigmoid.

    Parameters
    ----------
    num_users, num_items : int
    factors : int
        Length of the vectors whose product is taken.
    layers : sequence of int
        Units of the dense layers; the first is twice the length of the vectors they begin with.
    """

    def __init__(self, num_users, num_items, factors=8, layers=(64, 32, 16, 8), **kwargs):
        super().__init__(**kwargs)
        if layers[0] % 2:
            raise ValueError(f"NeuMF: layers begins with {layers[0]}, must be even")
        with self.name_scope():
            self.user_product = nn.Embedding(num_users, factors)
            self.item_product = nn.Embedding(num_items, factors)
            self.user_dense = nn.Embedding(num_users, layers[0] // 2)
            self.item_dense = nn.Embedding(num_items, layers[0] // 2)
            self.dense = _dense(layers[1:])
            self.output = nn.Dense(1)

    def hybrid_forward(self, F, users, items):
        product = self.user_product(users) * self.item_product(items)
        dense = self.dense(F.concat(self.user_dense(users), self.item_dense(items), dim=1))
        return F.reshape(self.output(F.concat(product, dense, dim=1)), shape=(-1,))


class DLRM(HybridBlock):
    """Numbers of shape (n, k) and categories of shape (n, tables) to scores of shape (n,).

    Parameters
    ----------
    table_sizes : sequence of int
        Number of categories of each feature.
    units : int
        Length of the vectors of the categories.
    bottom, top : sequence of int
        Hidden units of the dense layers before and after the products of all pairs of vectors.
    """

    def __init__(self, table_sizes, units=16, bottom=(64, 32), top=(64, 32), **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.tables = nn.HybridSequential()
            for size in table_sizes:
                self.tables.add(nn.Embedding(size, units))
            self.bottom = _dense([*bottom, units])
            self.top = _dense(top)
            self.output = nn.Dense(1)
        n = len(table_sizes) + 1
        self._pairs = [i * n + j for i in range(n) for j in range(i)]

    def hybrid_forward(self, F, numbers, categories):
        numbers = self.bottom(numbers)
        vectors = [numbers]
        for i, table in enumerate(self.tables):
            column = F.slice_axis(categories, axis=1, begin=i, end=i + 1)
            vectors.append(table(F.reshape(column, shape=(-1,))))
        stacked = F.stack(*vectors, axis=1)
        products = F.reshape(F.batch_dot(stacked, stacked, transpose_b=True), shape=(0, -1))
        pairs = [F.slice_axis(products, axis=1, begin=p, end=p + 1) for p in self._pairs]
        out = self.output(self.top(F.concat(numbers, *pairs, dim=1)))
        return F.reshape(out, shape=(-1,))
