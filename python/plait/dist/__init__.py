"""Several processes, or several ranks in one process, that compute together.

>>> ranks = mx.dist.group(2)  # in this process, for tests
>>> data = [mx.nd.ones((2,)), mx.nd.ones((2,))]
>>> for rank, array in zip(ranks, data):
...     rank.allreduce(array)
>>> data[0].asnumpy()
array([2., 2.], dtype=float32)

``mpirun -n 4 python train.py`` or ``python -m plait.launch -n 4 train.py`` start processes;
`world` gives each of them its rank.
"""

from . import scaling
from .communicator import Communicator
from .world import group, is_distributed, share_batches, world
