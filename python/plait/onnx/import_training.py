"""Importers of steps of optimizers, from ONNX's preview of training."""

from .importers import call, imports

_DOMAIN = "ai.onnx.preview.training"


def _scaled(x, number):
    return call("multiply_scalar", x, scalar=float(number))


def _groups(s, arrays):
    """For each weight the inputs that belong to it: weight, gradient, states."""
    values = s.all()[2:]
    count = len(values) // arrays
    return [values[i::count] for i in range(count)]


def _gathered(results):
    """All new weights, then all first states, ..."""
    return tuple(value for column in zip(*results, strict=True) for value in column)


@imports("Adagrad", domain=_DOMAIN)
def _(s):
    rate = float(s.number(0)) / (1 + float(s.number(1)) * s.get("decay_factor", 0.0))
    results = []
    for x, g, h in _groups(s, 3):
        g = call("add", _scaled(x, s.get("norm_coefficient", 0.0)), g)
        h = call("add", h, call("square", g))
        root = call("add_scalar", call("sqrt", h), scalar=s.get("epsilon", 1e-6))
        results.append((call("subtract", x, _scaled(call("divide", g, root), rate)), h))
    return _gathered(results)


@imports("Adam", domain=_DOMAIN)
def _(s):
    rate, count = float(s.number(0)), int(s.number(1))
    alpha, beta = s.get("alpha", 0.9), s.get("beta", 0.999)
    if count > 0:
        rate *= (1 - beta**count) ** 0.5 / (1 - alpha**count)
    results = []
    for x, g, v, h in _groups(s, 4):
        g = call("add", _scaled(x, s.get("norm_coefficient", 0.0)), g)
        v = call("add", _scaled(v, alpha), _scaled(g, 1 - alpha))
        h = call("add", _scaled(h, beta), _scaled(call("square", g), 1 - beta))
        root = call("add_scalar", call("sqrt", h), scalar=s.get("epsilon", 1e-6))
        x = call("subtract", x, _scaled(call("divide", v, root), rate))
        results.append((_scaled(x, 1 - s.get("norm_coefficient_post", 0.0)), v, h))
    return _gathered(results)


@imports("Momentum", domain=_DOMAIN)
def _(s):
    rate, count = float(s.number(0)), int(s.number(1))
    alpha, beta = s.get("alpha"), s.get("beta") if count > 0 else 1.0
    results = []
    for x, g, v in _groups(s, 3):
        g = call("add", _scaled(x, s.get("norm_coefficient")), g)
        v = call("add", _scaled(v, alpha), _scaled(g, beta))
        step = v if s.get("mode") == "standard" else call("add", g, _scaled(v, alpha))
        results.append((call("subtract", x, _scaled(step, rate)), v))
    return _gathered(results)
