"""Key-value stores: `mx.kvstore`, `mx.kv`."""

from .base import KVStoreBase, create
from .local import LocalKVStore
from .local import LocalKVStore as KVStore
