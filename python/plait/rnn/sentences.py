"""Sentences as numbers, and batches of sentences of like length."""

import bisect
import logging
import random

import numpy as np

from .. import ndarray
from ..io import DataBatch, DataDesc, DataIter

__all__ = ["BucketSentenceIter", "encode_sentences"]


def encode_sentences(
    sentences,
    vocab=None,
    invalid_label=-1,
    invalid_key="\n",
    start_label=0,
    unknown_token=None,
):
    """Sentences as lists of numbers.

    Parameters
    ----------
    sentences : list of list of str
    vocab : dict of str to int, optional
        Numbers of the words; made from the sentences if missing.
    invalid_label, invalid_key : int, str
        Number and word that stand for nothing.
    start_label : int
        The first number of a new vocabulary.
    unknown_token : str, optional
        Takes the place of words that `vocab` lacks.

    Returns
    -------
    list of list of int, and the vocabulary

    Raises
    ------
    ValueError
        If a word is not in `vocab` and there is no `unknown_token`.
    """
    fixed = vocab is not None
    vocab = vocab if fixed else {invalid_key: invalid_label}
    number, coded = start_label, []
    for sentence in sentences:
        line = []
        for word in sentence:
            if word not in vocab:
                if fixed and not unknown_token:
                    raise ValueError(f"encode_sentences: vocab lacks {word!r}, must have all words")
                number += number == invalid_label
                word = unknown_token or word
                vocab[word] = number
                number += 1
            line.append(vocab[word])
        coded.append(line)
    return coded, vocab


class BucketSentenceIter(DataIter):
    """Batches of sentences that share a bucket; the label of a word is the next word.

    Parameters
    ----------
    sentences : list of list of int
        As `encode_sentences` gives them.
    batch_size : int
    buckets : list of int, optional
        Lengths; default those that at least a batch of sentences have. Longer ones are left out.
    invalid_label : int
        Fills the ends of shorter sentences.
    data_name, label_name : str
    dtype : str
    layout : {'NT', 'TN'}
        Batch or time first.
    """

    def __init__(
        self,
        sentences,
        batch_size,
        buckets=None,
        invalid_label=-1,
        data_name="data",
        label_name="softmax_label",
        dtype="float32",
        layout="NT",
    ):
        super().__init__(batch_size)
        if sorted(layout) != ["N", "T"]:
            raise ValueError(f"BucketSentenceIter: layout is {layout!r}, must be 'NT' or 'TN'")
        if not buckets:
            counts = np.bincount([len(sentence) for sentence in sentences])
            buckets = [i for i, count in enumerate(counts) if count >= batch_size]
        self.buckets = sorted(buckets)
        if not self.buckets:
            raise ValueError("BucketSentenceIter: buckets is empty, must have a length")
        self.data_name, self.label_name = data_name, label_name
        self.dtype, self.invalid_label, self.layout = dtype, invalid_label, layout
        self.major_axis = layout.find("N")
        self.default_bucket_key = max(self.buckets)
        self.data = self._sort(sentences)
        shape = self._shape(self.default_bucket_key)
        self.provide_data = [DataDesc(data_name, shape, dtype, layout=layout)]
        self.provide_label = [DataDesc(label_name, shape, dtype, layout=layout)]
        self.idx = [
            (i, start)
            for i, rows in enumerate(self.data)
            for start in range(0, len(rows) - batch_size + 1, batch_size)
        ]
        self.curr_idx = 0
        self.reset()

    def _shape(self, length):
        shape = (self.batch_size, length)
        return shape if self.major_axis == 0 else shape[::-1]

    def _sort(self, sentences):
        """An array (sentences, length) for each bucket."""
        rows, left_out = [[] for _ in self.buckets], 0
        for sentence in sentences:
            place = bisect.bisect_left(self.buckets, len(sentence))
            if place == len(self.buckets):
                left_out += 1
                continue
            row = np.full(self.buckets[place], self.invalid_label, dtype=self.dtype)
            row[: len(sentence)] = sentence
            rows[place].append(row)
        if left_out:
            logging.warning("%d sentences are longer than the largest bucket", left_out)
        return [
            np.array(found, dtype=self.dtype).reshape(-1, length)
            for found, length in zip(rows, self.buckets, strict=True)
        ]

    def reset(self):
        """Start again, in another order."""
        self.curr_idx = 0
        random.shuffle(self.idx)
        self.nddata, self.ndlabel = [], []
        for rows in self.data:
            np.random.shuffle(rows)
            label = np.full_like(rows, self.invalid_label)
            label[:, :-1] = rows[:, 1:]
            self.nddata.append(ndarray.array(rows, dtype=self.dtype))
            self.ndlabel.append(ndarray.array(label, dtype=self.dtype))

    def next(self):
        """The next batch; its `bucket_key` is the length."""
        if self.curr_idx == len(self.idx):
            raise StopIteration
        bucket, start = self.idx[self.curr_idx]
        self.curr_idx += 1
        data = self.nddata[bucket][start : start + self.batch_size]
        label = self.ndlabel[bucket][start : start + self.batch_size]
        if self.major_axis == 1:
            data, label = data.T, label.T
        return DataBatch(
            [data],
            [label],
            pad=0,
            bucket_key=self.buckets[bucket],
            provide_data=[DataDesc(self.data_name, data.shape, self.dtype, layout=self.layout)],
            provide_label=[DataDesc(self.label_name, label.shape, self.dtype, layout=self.layout)],
        )
