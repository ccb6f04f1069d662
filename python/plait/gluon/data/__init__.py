"""Datasets, and batches made from them."""

from . import batchify, vision
from .dataloader import DataLoader, default_batchify_fn
from .dataset import ArrayDataset, Dataset, RecordFileDataset, SimpleDataset
from .sampler import (
    BatchSampler,
    FilterSampler,
    IntervalSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SplitSampler,
)

__all__ = [
    "batchify",
    "vision",
    "DataLoader",
    "default_batchify_fn",
    "ArrayDataset",
    "Dataset",
    "RecordFileDataset",
    "SimpleDataset",
    "BatchSampler",
    "FilterSampler",
    "IntervalSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SplitSampler",
]
