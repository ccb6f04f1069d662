"""Names that packages built on MXNet use although its documentation does not list them."""

import multiprocessing
import pickle
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

import plait as mx
from plait import gluon, nd
from plait.gluon.block import _flatten
from plait.gluon.data.dataloader import _as_in_context, _MultiWorkerIter
from plait.gluon.model_zoo import model_store
from plait.gluon.utils import _get_repo_file_url, _get_repo_url, replace_file


def test_addresses_of_published_files(monkeypatch):
    assert _get_repo_url().endswith("amazonaws.com/")
    monkeypatch.setenv("MXNET_GLUON_REPO", "file:///mirror")
    assert _get_repo_url() == "file:///mirror/"
    assert _get_repo_file_url("gluon/data", "x.zip") == "file:///mirror/gluon/data/x.zip"


def test_replace_file(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    replace_file(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new" and not (tmp_path / "new").exists()


def test_own_weights_in_the_store(monkeypatch):
    monkeypatch.setitem(model_store._model_sha1, "my_network", "0123456789abcdef")
    assert model_store.short_hash("my_network") == "01234567"


def test_default_context_of_all_threads(monkeypatch):
    monkeypatch.setattr(mx.Context, "default_ctx", mx.cpu(3))
    with ThreadPool(1) as pool:
        assert pool.apply(mx.current_context) == mx.cpu(3)
        assert pool.apply(nd.ones, ((2,),)).context == mx.cpu(3)
    assert mx.Context.devstr2type["cpu"] == 1 and mx.Context.devtype2str[2] == "gpu"


def test_functions_where_the_class_is():
    assert mx.nd.ndarray.array([1, 2]).shape == (2,)
    assert mx.nd.ndarray.empty((3,)).shape == (3,)
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = mx.nd.ndarray.no_such_function
    assert isinstance(nd.ones(1), gluon.tensor_types)
    assert isinstance(mx.sym.Variable("x"), gluon.tensor_types)


def test_state_of_mixed_precision():
    assert mx.contrib.amp.amp._amp_initialized is False
    mx.amp.init("bfloat16")
    try:
        assert mx.amp._amp_initialized is True
    finally:
        mx.amp.deactivate()
    with pytest.raises(AttributeError, match="_no_such_name"):
        _ = mx.amp._no_such_name


def test_flat_arguments():
    leaves, _ = _flatten([nd.ones(1), [nd.zeros(2), None]], "input")
    assert [None if leaf is None else leaf.shape for leaf in leaves] == [(1,), (2,), None]


def _squares(indices, batchify_fn, dataset):
    return pickle.dumps(batchify_fn([dataset[i] ** 2 for i in indices]))


def test_batches_of_a_pool():
    batches = [[0, 1], [2, 3], [4]]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = _MultiWorkerIter(
            pool, np.array, batches, worker_fn=_squares, prefetch=2, dataset=range(5)
        )
        assert len(found) == 3
        assert [b.tolist() for b in found] == [[0, 1], [4, 9], [16]]
    data = _as_in_context([nd.ones(1), (nd.ones(2), 7)], mx.cpu(1))
    assert data[0].context == data[1][0].context == mx.cpu(1) and data[1][1] == 7
