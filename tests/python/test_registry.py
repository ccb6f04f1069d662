"""Tables of classes by name."""

import json

import pytest

import plait as mx
from plait import registry


class Base:
    def __init__(self, size=1):
        self.size = size


def functions():
    class Own(Base):
        pass

    return (
        Own,
        registry.get_register_func(Own, "shape"),
        registry.get_alias_func(Own, "shape"),
        registry.get_create_func(Own, "shape"),
    )


def test_create_takes_names_json_dicts_and_objects():
    base, register, alias, create = functions()

    @alias("disc", "round")
    @register
    class Circle(base):
        pass

    assert create("circle", 3).size == create("DISC", size=3).size == 3
    assert create(json.dumps(["round", {"size": 4}])).size == 4
    assert create({"shape": "circle", "size": 5}).size == 5
    assert create(shape="circle").size == 1
    one = Circle()
    assert create(one) is one
    assert sorted(registry.get_registry(base)) == ["circle", "disc", "round"]


def test_unknown_names_and_foreign_classes_are_refused():
    base, register, _, create = functions()
    with pytest.raises(ValueError, match="shape: name is 'square', must be one of"):
        create("square")
    with pytest.raises(TypeError, match="shape: .* must extend Own"):
        register(int)


def test_the_parts_of_training_use_it():
    assert "adam" in registry.get_registry(mx.optimizer.Optimizer)
    assert "xavier" in registry.get_registry(mx.init.Initializer)
    assert "acc" in registry.get_registry(mx.metric.EvalMetric)
    config = mx.metric.create("top_k_accuracy", top_k=2).get_config()
    assert mx.metric.create(config).top_k == 2
