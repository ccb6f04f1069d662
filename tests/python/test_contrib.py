"""`mx.contrib.text`, `mx.contrib.autograd`, `mx.error`, and hooks on compiled operators."""

from collections import Counter

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.contrib import autograd as old
from plait.contrib import text
from plait.gluon import nn


def test_tokens_are_counted():
    count = text.utils.count_tokens_from_str
    assert count("a b\nb  c\n") == {"a": 1, "b": 2, "c": 1}
    assert count("A,b;a", ",", ";", to_lower=True) == {"a": 2, "b": 1}
    known = Counter(b=5)
    assert count("a b", counter_to_update=known) is known and known["b"] == 6


def test_vocabulary_orders_by_frequency_then_token():
    counter = Counter({"c": 3, "b": 3, "a": 1, "rare": 1, "<pad>": 9})
    vocab = text.vocab.Vocabulary(counter, 3, unknown_token="<?>", reserved_tokens=["<pad>"])
    assert vocab.idx_to_token == ["<?>", "<pad>", "b", "c", "a"] and len(vocab) == 5
    assert vocab.to_indices(["c", "nobody"]) == [3, 0] and vocab.to_indices("b") == 2
    assert vocab.to_tokens([1, 4]) == ["<pad>", "a"] and vocab.to_tokens(0) == "<?>"
    assert vocab.token_to_idx["a"] == 4 and vocab.unknown_token == "<?>"
    assert vocab.reserved_tokens == ["<pad>"]
    assert text.vocab.Vocabulary(counter, min_freq=3).idx_to_token == ["<unk>", "<pad>", "b", "c"]
    assert len(text.vocab.Vocabulary()) == 1
    for wrong in ({"min_freq": 0}, {"reserved_tokens": ["<unk>"]}, {"reserved_tokens": ["a", "a"]}):
        with pytest.raises(ValueError, match="Vocabulary: "):
            text.vocab.Vocabulary(counter, **wrong)
    with pytest.raises(ValueError, match=r"index is 5, must be in \[0, 4\]"):
        vocab.to_tokens(5)


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("3 2\na 1 2\nb 3 4\n<unk> 7 8\nc 5 6\n")
    return str(path)


def test_embedding_from_a_file(vectors):
    found = text.embedding.create("customembedding", pretrained_file_path=vectors)
    assert found.idx_to_token == ["<unk>", "a", "b", "c"] and found.vec_len == 2
    np.testing.assert_array_equal(found.idx_to_vec.asnumpy(), [[7, 8], [1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(found.get_vecs_by_tokens("b").asnumpy(), [3, 4])
    both = found.get_vecs_by_tokens(["C", "no"], lower_case_backup=True)
    np.testing.assert_array_equal(both.asnumpy(), [[5, 6], [7, 8]])
    found.update_token_vectors(["a", "c"], nd.array([[0, 1], [2, 3]]))
    np.testing.assert_array_equal(found.get_vecs_by_tokens(["a", "c"]).asnumpy(), [[0, 1], [2, 3]])
    found.update_token_vectors("b", nd.array([9, 9]))
    with pytest.raises(ValueError, match=r"tokens has \['z'\]"):
        found.update_token_vectors("z", nd.zeros(2))
    with pytest.raises(ValueError, match=r"new_vectors has shape \(3,\)"):
        found.update_token_vectors("a", nd.zeros(3))


def test_embedding_of_a_vocabulary_and_of_several_files(vectors):
    vocab = text.vocab.Vocabulary(Counter("cax"), reserved_tokens=["<pad>"])
    found = text.embedding.CustomEmbedding(vectors, vocabulary=vocab)
    assert found.idx_to_token == ["<unk>", "<pad>", "a", "c", "x"]
    want = [[7, 8], [7, 8], [1, 2], [5, 6], [7, 8]]
    np.testing.assert_array_equal(found.idx_to_vec.asnumpy(), want)
    joined = text.embedding.CompositeEmbedding(vocab, [found, found])
    np.testing.assert_array_equal(joined.idx_to_vec.asnumpy(), np.hstack([want, want]))
    assert joined.vec_len == 4 and joined.to_indices("x") == 4


def test_files_of_published_vectors(tmp_path, vectors):
    names = text.embedding.get_pretrained_file_names
    assert "glove.6B.50d.txt" in names("glove") and set(names()) == {"glove", "fasttext"}
    with pytest.raises(KeyError, match="name is 'other'"):
        names("other")
    with pytest.raises(OSError, match="glove.6B.50d.txt is missing"):
        text.embedding.create(
            "glove", pretrained_file_name="glove.6B.50d.txt", embedding_root=str(tmp_path)
        )
    (tmp_path / "fasttext").mkdir()
    (tmp_path / "fasttext" / "wiki.simple.vec").write_text(open(vectors).read())
    found = text.embedding.FastText(embedding_root=str(tmp_path), init_unknown_vec=nd.ones)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1 2\nb 1\n", "line 2 has 1 numbers, must have 2"),
        ("a 1 2\nb x y\n", "line 2: could not convert"),
        ("", "has no vectors"),
    ],
)
def test_damaged_vectors(tmp_path, content, message):
    path = tmp_path / "broken.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"broken.txt.*{message}"):
        text.embedding.CustomEmbedding(str(path))


def test_second_vector_of_a_token_is_left_out(tmp_path):
    path = tmp_path / "twice.txt"
    path.write_text("a 1 2\na 3 4\n")
    with pytest.warns(UserWarning, match="line 2: 'a' has a vector"):
        found = text.embedding.CustomEmbedding(str(path))
    np.testing.assert_array_equal(found.idx_to_vec.asnumpy(), [[0, 0], [1, 2]])


def test_older_autograd():
    both = old.grad_and_loss(lambda x, y: x * x * y)
    (dx, dy), value = both(nd.array([3.0]), nd.array([2.0]))
    assert (dx.asscalar(), dy.asscalar(), value.asscalar()) == (12, 9, 18)
    (dy,) = old.grad(lambda x, y: x * y, argnum=1)(nd.array([3.0]), nd.array([2.0]))
    assert dy.asscalar() == 3
    x, slope = nd.array([2.0]), nd.zeros(1)
    old.mark_variables([x], [slope])
    with old.train_section():
        assert autograd.is_training() and autograd.is_recording()
        y = x * x
        with old.test_section():
            assert not autograd.is_training() and not autograd.is_recording()
    old.backward([y], [nd.array([10.0])])
    assert slope.asscalar() == 40
    assert old.set_is_training(True) is False and autograd.is_recording()
    assert old.set_is_training(False) is True and not autograd.is_recording()
    with pytest.raises(TypeError, match="outputs is NDArray"):
        old.backward(y)


def test_errors_have_classes():
    with pytest.raises(mx.error.ShapeError):
        nd.dot(nd.ones((2, 3)), nd.ones((2, 3)))
    assert issubclass(mx.error.NameUnknownError, (KeyError,))
    assert mx.error.InternalError is mx.base.InternalError

    @mx.error.register
    class ReaderError(mx.MXNetError):
        pass

    @mx.error.register("Late")
    class LateError(mx.MXNetError):
        pass

    assert mx.error._known["ReaderError"] is ReaderError and mx.error._known["Late"] is LateError
    assert mx.error.register("Key", KeyError) is KeyError
    with pytest.raises(TypeError, match="must be a class of exceptions"):
        mx.error.register("x", 3)


def hooked(net, *args, **options):
    seen = []

    def hook(name, operator, array):
        assert isinstance(array, nd.NDArray)
        seen.append((name, operator))

    net.register_op_hook(hook, **options)
    net(*args)
    return seen


def test_hook_sees_results_of_operators():
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(nn.Dense(2), nn.Activation("relu"))
    net.initialize()
    net.hybridize()
    assert hooked(net, nd.ones((3, 4))) == [
        ("net_dense0_fwd_output", "FullyConnected"),
        ("net_relu0_fwd_output", "Activation"),
    ]
    names = [name for name, _ in hooked(net, nd.ones((3, 4)), monitor_all=True)]
    inputs = [f"net_dense0_fwd_{part}" for part in ("data", "weight", "bias")]
    assert names[:4] == [*inputs, "net_dense0_fwd_output"] and len(names) == 6
    net.register_op_hook(None)


def test_hook_changes_no_result_and_no_gradient():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(3, 3), nn.BatchNorm(), nn.Activation("relu"), nn.Dense(2))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x, found = nd.random.normal(shape=(4, 2, 6, 6)), []
    for hook in (None, lambda *_: None):
        net.register_op_hook(hook)
        with autograd.record():
            loss = (net(x) ** 2).sum()
        loss.backward()
        found.append([loss.asnumpy(), net[0].weight.grad().asnumpy()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_hook_of_a_block_reaches_hybrid_blocks_below():
    class Outer(gluon.Block):
        def __init__(self):
            super().__init__(prefix="outer_")
            with self.name_scope():
                self.inner = nn.Dense(2)

        def forward(self, x):
            return self.inner(x)

    net = Outer()
    net.initialize()
    net.inner.hybridize()
    assert hooked(net, nd.ones((3, 4))) == [("outer_dense0_fwd_output", "FullyConnected")]


def regression(update_freq=1):
    draw = np.random.RandomState(0)
    x = draw.normal(size=(40, 3)).astype("float32")
    y = x @ np.array([1.0, -2.0, 0.5], "float32")
    data = mx.io.NDArrayIter(x, y, 8, label_name="lin_label", last_batch_handle="discard")
    out = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=1, no_bias=True, name="fc")
    symbol = mx.sym.LinearRegressionOutput(out, mx.sym.var("lin_label"), name="lin")
    kind = mx.contrib.svrg_optimization.SVRGModule
    return kind(symbol, label_names=("lin_label",), update_freq=update_freq), data, x, y


def test_svrg_gradient_at_the_kept_point_is_that_of_all_data():
    module, data, x, y = regression()
    module.bind(data.provide_data, data.provide_label)
    module.init_params(mx.init.One())
    module.update_full_grads(data)
    want = (x @ np.ones(3) - y) @ x * 8 / 40  # the sum over a batch of 8, in the mean
    for batch in data:
        module.forward(batch, is_train=True)
        module.backward()
        gradient = module._execs[0].grad_dict["fc_weight"].asnumpy()[0]
        np.testing.assert_allclose(gradient, want, rtol=1e-4)


def test_svrg_reaches_the_minimum():
    module, data, *_ = regression(update_freq=2)
    module.fit(data, num_epoch=12, eval_metric="mse", optimizer_params={"learning_rate": 0.2})
    weight = module.get_params()[0]["fc_weight"].asnumpy()[0]
    np.testing.assert_allclose(weight, [1.0, -2.0, 0.5], atol=1e-3)
    with pytest.raises(ValueError, match="update_freq is 0, must be a whole number > 0"):
        regression(0)


def test_network_is_saved_and_loaded(tmp_path):
    def make(last=2):
        net = nn.HybridSequential()
        net.add(nn.Dense(3, in_units=4), nn.Dense(last, in_units=3))
        net.initialize(mx.init.Normal(1))
        return net

    first, second, x = make(), make(), nd.ones((1, 4))
    first.save(str(tmp_path / "net"))
    second.load(str(tmp_path / "net"))
    np.testing.assert_array_equal(first(x).asnumpy(), second(x).asnumpy())
    other = nn.HybridSequential()
    other.add(nn.Dense(3, in_units=4))
    with pytest.raises(ValueError, match="net-model.json has other blocks"):
        other.load(str(tmp_path / "net"))
