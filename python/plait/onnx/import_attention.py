"""Importers of attention and of what belongs to it."""

from .importers import call, first, imports


def _heads(s, i, count):
    """Input number i as (batch, heads, steps, features)."""
    x = s[i]
    if s.ndim(i) == 4:
        return x
    n, steps, width = s.shape(i)
    x = call("reshape", x, shape=(n, steps, count, width // count))
    return call("transpose", x, axes=(0, 2, 1, 3))


@imports("Attention")
def _(s):
    windows = [s.get(name, -1) for name in ("left_window_size", "right_window_size")]
    if s.get("softcap", 0.0) or s.wants(3) or s.has(6) or windows != [-1, -1]:
        s.refuse("softcap, lengths, windows or scores")
    if s.dtype().name not in ("float32", "float64") or s.get("softmax_precision"):
        s.refuse("softmax_precision")
    q_heads, heads = s.get("q_num_heads"), s.get("kv_num_heads")
    query, key, value = (_heads(s, i, q_heads if i == 0 else heads) for i in range(3))
    if s.has(4):
        key = call("concat", s[4], key, dim=2)
        value = call("concat", s[5], value, dim=2)
    rows, columns = s.shape_of(query)[2], s.shape_of(key)[2]
    causal = bool(s.get("is_causal", 0))
    if causal and rows != columns:
        s.refuse("a causal mask of different lengths")
    mask = [s[3]] if s.has(3) else []
    if mask:
        if s.dtype(3).kind == "b" or s.shape(3)[-1] != columns:
            s.refuse("this mask")
        mask = [call("expand_dims", mask[0], axis=0)] if s.ndim(3) == 3 else mask
    out = first(call("scaled_dot_product_attention", query, key, value, *mask,
                     scale=s.get("scale"), causal=causal, has_mask=bool(mask)))  # fmt: skip
    if s.ndim(0) == 3:
        n, _, steps, width = s.shape_of(out)
        out = call("transpose", out, axes=(0, 2, 1, 3))
        out = call("reshape", out, shape=(n, steps, q_heads * width))
    return out, key, value
