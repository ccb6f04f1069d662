"""Attention, layers of transformers, decoding step by step, LoRA, deformable convolutions."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

UNITS, HEADS = 16, 4


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=tolerance, atol=tolerance)


def started(block):
    block.initialize(mx.init.Normal(0.4))
    return block


def attention_of(q, k, v, mask=None):
    """softmax(q k^T / sqrt(d)) v for arrays (batch, heads, steps, features)."""
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_its_formula(kv_heads, causal):
    layer = started(nn.MultiHeadAttention(UNITS, HEADS, kv_heads, causal=causal))
    x, y = nd.random.normal(shape=(2, 5, 7)), nd.random.normal(shape=(2, 6, 3))
    out = layer(x, y).asnumpy()

    def heads(block, data, count):
        z = data.asnumpy() @ block.weight.data().asnumpy().T + block.bias.data().asnumpy()
        return z.reshape(2, -1, count, UNITS // HEADS).swapaxes(1, 2)

    q = heads(layer.query, x, HEADS)
    k, v = (
        np.repeat(heads(block, y, kv_heads), HEADS // kv_heads, axis=1)
        for block in (layer.key, layer.value)
    )
    mask = np.tril(np.ones((5, 6)), 1) > 0 if causal else None
    mixed = attention_of(q, k, v, mask).swapaxes(1, 2).reshape(2, 5, UNITS)
    want = mixed @ layer.project.weight.data().asnumpy().T + layer.project.bias.data().asnumpy()
    np.testing.assert_allclose(out, want, rtol=1e-4, atol=1e-5)


def test_mask_hides_keys():
    layer = started(nn.MultiHeadAttention(UNITS, HEADS))
    x = nd.random.normal(shape=(2, 5, UNITS))
    mask = nd.array([1, 1, 1, 0, 0], dtype="int32").reshape((1, 1, 1, 5))
    close(layer(x, x, x, mask), layer(x, x[:, :3]))
    close(layer(x, None, None, (mask.astype("float32") - 1) * 1e9), layer(x, x[:, :3]))


@pytest.mark.parametrize("dtype", ["int32", "bool"])
@pytest.mark.parametrize("hybrid", [False, True])
def test_mask_of_whole_numbers_hides_with_dropout_too(dtype, hybrid):
    layer = started(nn.MultiHeadAttention(UNITS, HEADS, dropout=1e-7))
    x, mask = nd.random.normal(shape=(1, 3, UNITS)), nd.array([[[[1, 1, 0]]]], dtype=dtype)
    want = layer(x, x, x, mask)
    if hybrid:
        layer.hybridize()
    with autograd.record():
        got = layer(x, x, x, mask)
    np.testing.assert_allclose(got.asnumpy(), want.asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_way_with_dropout_gives_the_same_without_drops(causal):
    layer = started(nn.MultiHeadAttention(UNITS, HEADS, 2, causal=causal, dropout=0.5))
    q, kv = nd.random.normal(shape=(2, 4, UNITS)), nd.random.normal(shape=(2, 6, UNITS))
    hidden = np.random.rand(2, 1, 4, 6) < 0.2
    hidden[..., 0] = False  # a query that sees nothing has no answer
    mask = nd.array(np.where(hidden, -1e9, 0))
    keys, queries = layer._keys(nd, kv, kv), layer._queries(nd, q)
    plain = layer._attend(nd, queries, *keys, mask, causal)
    for array in (q, kv):
        array.attach_grad()
    out = layer._attend_dropping(nd, queries, *keys, mask, causal)
    close(layer.project(nd.reshape(nd.transpose(out, axes=(0, 2, 1, 3)), shape=(0, 0, -3))), plain)
    with autograd.record():
        dropped = layer(q, kv, kv, mask)
    assert abs(dropped - plain).max().asscalar() > 1e-3


VARIANTS = [
    {},
    {"rotary": True, "num_kv_heads": 2, "norm": "rms", "gated": True, "activation": "silu",
     "use_bias": False},
    {"pre_norm": False, "activation": "relu"},
]  # fmt: skip


@pytest.mark.parametrize("options", VARIANTS, ids=["plain", "llama", "post"])
def test_decoding_gives_the_whole_sequence(options):
    stack = started(nn.TransformerEncoder(2, UNITS, HEADS, causal=True, **options))
    x = nd.random.normal(shape=(2, 6, UNITS))
    whole = stack(x)
    caches = stack.make_cache(2, 8)
    parts = [stack.decode(x[:, i : i + 1], caches) for i in range(3)]
    close(nd.concat(*parts, stack.decode(x[:, 3:], caches), dim=1), whole)
    for cache in caches:
        cache.truncate(4)
    close(stack.decode(x[:, 4:], caches), whole[:, 4:])
    with pytest.raises(ValueError, match="KVCache: length is 9, must be at most 8"):
        stack.decode(x[:, :3], caches)
    stack.hybridize()
    close(stack(x), whole)


def test_decoder_looks_at_its_memory():
    stack = started(nn.TransformerDecoder(2, UNITS, HEADS))
    x, memory = nd.random.normal(shape=(2, 6, UNITS)), nd.random.normal(shape=(2, 5, UNITS))
    mask = nd.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], dtype="int32").reshape((2, 1, 1, 5))
    whole = stack(x, memory, mask)
    assert abs(whole - stack(x, memory)).max().asscalar() > 1e-3
    caches = stack.make_cache(2, 6, memory)
    close(nd.concat(*[stack.decode(x[:, i : i + 1], caches, mask) for i in range(6)], dim=1), whole)
    longer = stack(x[:, :3], memory, mask)
    close(longer, whole[:, :3])  # later steps are not seen


def test_cache_follows_beams():
    layer = started(nn.MultiHeadAttention(UNITS, HEADS, causal=True))
    x = nd.random.normal(shape=(2, 3, UNITS))
    cache = layer.make_cache(2, 3)
    layer.decode(x[:, :2], cache)
    cache.reorder(nd.array([1, 1], dtype="int32"))
    mixed = nd.concat(nd.concat(x[1:, :2], x[1:, :2], dim=0), x[:, 2:], dim=1)
    close(layer.decode(x[:, 2:], cache), layer(mixed)[:, 2:])


def test_encoder_learns():
    net = nn.HybridSequential()
    net.add(nn.TransformerEncoder(1, UNITS, HEADS, 32), nn.Dense(2))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x = nd.random.normal(shape=(32, 5, UNITS))
    y = (x[:, 0, 0] > x[:, 1, 0]).astype("int32")
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    loss_of = gluon.loss.SoftmaxCELoss()
    for _ in range(40):
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(32)
    assert loss.mean().asscalar() < 0.2


@pytest.mark.parametrize("hybrid", [False, True])
def test_lora_trains_thin_matrices_only(hybrid):
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dense(3))
    started(net)
    x = nd.random.normal(shape=(4, 5))
    before = net(x)
    if hybrid:
        net.hybridize()
    made = nn.add_lora(net, 2, alpha=4)
    for layer in made:
        layer.collect_params(".*lora").initialize()
    close(net(x), before)
    fixed = made[0].weight.data().asnumpy()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.02})
    for _ in range(3):
        with autograd.record():
            loss = (net(x) ** 2).mean()
        loss.backward()
        trainer.step(1)
    np.testing.assert_array_equal(made[0].weight.data().asnumpy(), fixed)
    after = net(x)
    assert abs(after - before).max().asscalar() > 1e-3
    nn.merge_lora(net)
    close(net(x), after)
    assert abs(made[0].weight.data().asnumpy() - fixed).max() > 1e-4


def test_lora_takes_layers_by_name():
    stack = started(nn.TransformerEncoder(2, UNITS, HEADS))
    x = nd.random.normal(shape=(1, 3, UNITS))
    before = stack(x)
    made = nn.add_lora(stack, 1, select="query|value")
    assert len(made) == 4
    trained = [n for n, p in stack.collect_params().items() if p.grad_req != "null"]
    assert len(trained) == 8 and all("lora" in name for name in trained)
    for layer in made:
        layer.collect_params(".*lora").initialize()
    close(stack(x), before)
    with pytest.raises(ValueError, match="must match a Dense"):
        nn.add_lora(stack, 1, select="nothing")


@pytest.mark.parametrize("kind", [nn.DeformableConvolution, nn.ModulatedDeformableConvolution])
def test_deformable_convolution_starts_as_a_plain_one(kind):
    layer = kind(4, 3, padding=1, groups=2, num_deformable_group=2)
    started(layer)
    x = nd.random.normal(shape=(2, 6, 5, 5))
    out = layer(x)
    assert sorted(layer._reg_params) == [
        "deformable_conv_bias", "deformable_conv_weight", "offset_bias", "offset_weight",
    ]  # fmt: skip
    weight, bias = layer.deformable_conv_weight.data(), layer.deformable_conv_bias.data()
    plain = nd.Convolution(x, weight, bias, kernel=(3, 3), pad=(1, 1), num_filter=4, num_group=2)
    close(out, plain, 1e-4)  # the offsets are 0, factors are 1
    layer.hybridize()
    with autograd.record():
        loss = (layer(x) ** 2).sum()
    loss.backward()
    assert abs(layer.offset_weight.grad()).max().asscalar() > 0


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="units is 10, must be a multiple of 4 heads"):
        nn.MultiHeadAttention(10, 4)
    with pytest.raises(ValueError, match="num_kv_heads is 3, must divide 4 heads"):
        nn.MultiHeadAttention(16, 4, 3)
    with pytest.raises(ValueError, match="rank is 0, must be >= 1"):
        nn.LoRADense(nn.Dense(2), 0)
    with pytest.raises(ValueError, match="norm is 'batch'"):
        nn.TransformerEncoderLayer(8, 2, norm="batch")
