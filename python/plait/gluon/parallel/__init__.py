"""Models that are spread over ranks: layers in parts, pipelines, tables, sharded parameters.

Blocks here talk to the other ranks of a communicator in `forward` and in backward: all ranks call
them in the same order. They are not compiled by `hybridize`; blocks inside of them are. Arrays are
those of `mx.nd`.

>>> comm = mx.dist.world()
>>> mlp = gluon.nn.Sequential()
>>> mlp.add(
...     gluon.parallel.ColumnParallelDense(4096, comm, activation="relu"),
...     gluon.parallel.RowParallelDense(1024, comm),
... )
"""

from .embedding import ShardedEmbedding
from .functions import exchanged, gathered, own_part, shared, summed
from .part import PartParameter, save_parameters
from .pipeline import Pipeline
from .sharded import Sharded
from .tensor import ColumnParallelDense, ParallelAttention, RowParallelDense

__all__ = [
    "ColumnParallelDense",
    "ParallelAttention",
    "PartParameter",
    "Pipeline",
    "RowParallelDense",
    "Sharded",
    "ShardedEmbedding",
    "exchanged",
    "gathered",
    "own_part",
    "save_parameters",
    "shared",
    "summed",
]
