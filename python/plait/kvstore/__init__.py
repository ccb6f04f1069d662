"""Key-value stores: `mx.kvstore`, `mx.kv`."""

from .async_dist import AsyncKVStore
from .base import KVStoreBase, create
from .dist import DistKVStore
from .local import LocalKVStore
from .local import LocalKVStore as KVStore
from .nccl import DeviceRanks, NcclKVStore
from .teststore import TestStore
