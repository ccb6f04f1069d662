"""Operators: finding, describing, running; gradients; wrong arguments."""

import json

import pytest


@pytest.fixture
def invalid(c):
    return c.lib.PLAIT_ERR_INVALID_ARGUMENT


def test_find_names_what_is_near(c):
    out = c.ffi.new("plait_op_t *")
    assert c.lib.plait_op_find(b"sotfmax", out) == c.lib.PLAIT_ERR_KEY
    assert "softmax" in c.message()
    c.ok(c.lib.plait_op_find_on(b"nd", b"softmax", out))
    assert c.lib.plait_op_find_on(b"nd", b"nothing", out) == c.lib.PLAIT_ERR_KEY
    assert c.lib.plait_op_find(c.ffi.NULL, out) == c.lib.PLAIT_ERR_INVALID_ARGUMENT


def test_every_operator_describes_itself_as_json(c):
    text = c.ffi.new("const char **")
    assert c.lib.plait_op_at(-1) == c.lib.plait_op_at(c.lib.plait_op_count()) == c.ffi.NULL
    for i in range(c.lib.plait_op_count()):
        op = c.lib.plait_op_at(i)
        c.ok(c.lib.plait_op_describe(op, text))
        d = json.loads(c.ffi.string(text[0]))
        assert d["name"] == c.ffi.string(c.lib.plait_op_name(op)).decode()
        assert d["doc"] and d["file"].startswith("core/ops/") and d["line"] > 0 and d["outputs"]
        index = c.ffi.new("int32_t *")
        for place, attr in enumerate(d["attrs"]):
            c.ok(c.lib.plait_op_attr_index(op, attr["name"].encode(), index))
            assert index[0] == place


def test_invoke_with_attributes(c):
    a = c.array([1, 2])
    status, outputs = c.invoke("add_scalar", [a], [(c.lib.PLAIT_VALUE_FLOAT, "real", 0.5)])
    c.ok(status)
    assert c.values(outputs[0]) == [1.5, 2.5]
    text = c.ffi.new("char[]", b"2")
    status, more = c.invoke("add_scalar", [a], [(c.lib.PLAIT_VALUE_STRING, "string", text)])
    c.ok(status)
    assert c.values(more[0]) == [3, 4]
    c.free(a, *outputs, *more)


def test_invoke_into_given_output(c):
    a, out = c.array([1, 2]), c.array([0, 0])
    status, outputs = c.invoke("add", [a, a], given=[out])
    c.ok(status)
    assert outputs == [out] and c.values(out) == [2, 4]
    c.free(a, out)


def test_invoke_rejects(c, invalid):
    a, b = c.array([1, 2]), c.array([1, 2, 3])
    assert c.invoke("add", [a, b])[0] == c.lib.PLAIT_ERR_SHAPE
    assert c.message().startswith("add: ")
    assert c.invoke("add", [a])[0] == invalid
    assert c.invoke("add", [c.ffi.NULL, a])[0] == invalid
    assert c.invoke("add", [a, a], given=[b])[0] == c.lib.PLAIT_ERR_SHAPE
    assert c.invoke("add", [a, a], [(99, "integer", 0)])[0] == invalid
    assert c.invoke("add_scalar", [a], [(99, "integer", 0)])[0] == invalid
    assert (
        c.invoke("add_scalar", [a], [(c.lib.PLAIT_VALUE_STRING, "string", c.ffi.NULL)])[0]
        == invalid
    )
    c.free(a, b)


def test_invoke_survives_null_lists(c, invalid):
    null, count, op = c.ffi.NULL, c.ffi.new("int32_t *"), c.op("add_scalar")
    outputs = c.ffi.new("plait_array_t[1]")
    a = c.array([1])
    invoke = c.lib.plait_op_invoke
    assert invoke(null, [a], 1, null, 0, 0, outputs, 1, count) == invalid
    assert invoke(op, null, 1, null, 0, 0, outputs, 1, count) == invalid
    assert invoke(op, [a], -1, null, 0, 0, outputs, 1, count) == invalid
    assert invoke(op, [a], 1, null, 1, 0, outputs, 1, count) == invalid
    assert invoke(op, [a], 1, null, 0, 0, null, 1, count) == invalid
    assert invoke(op, [a], 1, null, 0, 0, outputs, 1, null) == invalid
    c.free(a)


def test_too_few_places_says_how_many(c, invalid):
    a, count = c.array(range(3)), c.ffi.new("int32_t *")
    values = c.ffi.new("plait_value_t[]", 1)
    values[0].kind = c.lib.PLAIT_VALUE_INT
    getattr(values[0], "as").integer = 3
    outputs, specs = c.ffi.new("plait_array_t[2]"), c.ffi.new("plait_spec_t[3]")
    split = c.op("split")
    text = c.ffi.new("const char **")
    c.ok(c.lib.plait_op_describe(split, text))
    assert json.loads(c.ffi.string(text[0]))["attrs"][0]["name"] == "num_outputs"
    assert c.lib.plait_op_invoke(split, [a], 1, values, 1, 0, outputs, 2, count) == invalid
    assert count[0] == 3
    specs_in = c.ffi.new("plait_spec_t *", {"ndim": 2, "shape": [2, 3]})
    c.ok(c.lib.plait_op_infer(split, specs_in, 1, values, 1, specs, 3, count))
    assert (count[0], specs[2].ndim, list(specs[2].shape[0:2])) == (3, 2, [2, 1])
    c.free(a)


def test_gradient(c):
    a, grad = c.array([3]), c.array([0])
    c.ok(c.lib.plait_autograd_mark_variables([a], [grad], [c.lib.PLAIT_GRAD_WRITE], 1))
    assert c.lib.plait_autograd_set_recording(1) == 0
    status, outputs = c.invoke("multiply", [a, a])
    assert c.lib.plait_autograd_set_recording(0) == 1
    c.ok(status)
    assert c.lib.plait_autograd_is_recorded(outputs[0]) == 1
    c.ok(c.lib.plait_autograd_backward(outputs, c.ffi.NULL, 1, c.ffi.NULL, 0, 0, c.ffi.NULL))
    assert c.values(grad) == [6]
    out, req = c.ffi.new("plait_array_t *"), c.ffi.new("int32_t *")
    c.ok(c.lib.plait_autograd_get_grad(a, out, req))
    assert (out[0], req[0]) == (grad, c.lib.PLAIT_GRAD_WRITE)
    c.ok(c.lib.plait_autograd_mark_variables([a], c.ffi.NULL, [c.lib.PLAIT_GRAD_NULL], 1))
    c.free(a, grad, out[0], *outputs)


def test_gradient_rejects(c, invalid):
    a, b = c.array([3]), c.array([1, 2])
    null = c.ffi.NULL
    assert c.lib.plait_autograd_backward([a], null, 1, null, 0, 0, null) == invalid
    assert c.lib.plait_autograd_backward(null, null, 1, null, 0, 0, null) == invalid
    assert c.lib.plait_autograd_backward([a], null, 1, [a], 1, 0, null) == invalid
    assert c.lib.plait_autograd_mark_variables([a], [b], [1], 1) == c.lib.PLAIT_ERR_SHAPE
    assert c.lib.plait_autograd_mark_variables([a], [a], [2], 1) == invalid
    assert c.lib.plait_autograd_mark_variables(null, null, null, 1) == invalid
    c.free(a, b)


def test_own_function_and_its_failure(c):
    dropped, fails = [], []
    drop = c.ffi.callback("void(void *)", dropped.append)

    @c.ffi.callback("plait_backward_t")
    def backward(user, out_grads, num_out, in_grads, num_in):
        if fails:
            c.lib.plait_set_last_error(b"out of luck")
            return c.lib.PLAIT_ERR_CALLBACK
        _, outputs = c.invoke(
            "add_scalar", [out_grads[0]], [(c.lib.PLAIT_VALUE_FLOAT, "real", 4.0)]
        )
        in_grads[0] = outputs[0]
        return c.lib.PLAIT_OK

    x, grad, y = c.array([1]), c.array([0]), c.array([2])
    c.ok(c.lib.plait_autograd_mark_variables([x], [grad], [1], 1))
    c.ok(c.lib.plait_autograd_record(b"twice", [x], 1, [y], 1, backward, drop, c.ffi.NULL))
    run = (c.ffi.NULL, 1, c.ffi.NULL, 0, c.lib.PLAIT_BACKWARD_RETAIN, c.ffi.NULL)
    c.ok(c.lib.plait_autograd_backward([y], *run))
    assert c.values(grad) == [5]
    fails.append(True)
    assert c.lib.plait_autograd_backward([y], *run) == c.lib.PLAIT_ERR_CALLBACK
    assert "out of luck" in c.message()
    c.free(x, grad, y)
    assert len(dropped) == 1


def test_stats_fill_what_fits(c, invalid):
    stats = c.ffi.new(
        "plait_engine_stats_t *", {"struct_size": c.ffi.sizeof("plait_engine_stats_t")}
    )
    c.ok(c.lib.plait_engine_get_stats(stats))
    assert stats.inlined + stats.queued > 0
    memory = c.ffi.new("plait_memory_stats_t *")
    assert c.lib.plait_memory_get_stats(memory) == invalid  # struct_size is 0
    memory.struct_size = c.ffi.sizeof("plait_memory_stats_t")
    c.ok(c.lib.plait_memory_get_stats(memory))
    assert memory.allocations >= memory.system_allocations > 0


def test_flag_now_does_all_or_nothing(c):
    small, large = c.array([1, 2]), c.array([0.5] * 100000)
    status, out = c.invoke("add", [small, small], flags=c.lib.PLAIT_INVOKE_NOW)
    assert status == c.lib.PLAIT_OK and c.values(out[0]) == [2, 4]
    status, none = c.invoke("add", [large, large], flags=c.lib.PLAIT_INVOKE_NOW)
    assert status == c.lib.PLAIT_OK and none == []
    other = c.array([1, 2, 3])
    status, _ = c.invoke("add", [small, other], flags=c.lib.PLAIT_INVOKE_NOW)
    assert status == c.lib.PLAIT_ERR_SHAPE
    c.free(small, large, other, out[0])
