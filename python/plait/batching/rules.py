"""How operators run on a batch of samples: a table of rules by name of the operator.

A rule takes a `Step` and gives the list of results, each with the batch axis in front. None means
that the rule does not hold for these operands: then the samples are computed one by one.
"""

import functools
import json

from ..op import list_operators
from .step import apply, describe, move_axis, with_shape

__all__ = ["LOOPED", "RULES", "batched", "check_step", "loop", "rule"]

RULES = {}

# Operators whose meaning needs the samples one by one: losses whose gradients depend on the
# whole batch, users' own operators, steps of optimisers.
LOOPED = frozenset(
    "custom softmax_output svm_output linear_regression_output logistic_regression_output "
    "mae_regression_output softmax_cross_entropy foreach while_loop cond gradient".split()
)
BODIES = ("body", "func", "cond", "then_branch", "else_branch")  # attributes that are graphs


def rule(*names):
    """Decorator: the rule of the operators `names`."""

    def add(function):
        for name in names:
            RULES[name] = function
        return function

    return add


def loop(step):
    """The samples one by one, then stacked."""
    rows = [step.run(*(o.sample(i) for o in step.operands)) for i in range(step.size)]
    return [apply("stack", *parts, axis=0)[0] for parts in zip(*rows, strict=True)]


def check_step(step, randomness):
    """How a step runs: 'shared' by the samples, 'batched', or in a 'loop' over them.

    Parameters
    ----------
    step : Step
    randomness : {'error', 'same', 'different'}
        As for `vmap`.
    """
    about = describe(step.name)[1]
    if writes(step, about):
        raise ValueError(
            f"vmap: {step.name} writes an operand, must not: samples would share the result"
        )
    shared = not any(o.batched for o in step.operands)
    if not (about["random"] and draws(step)):
        return "shared" if shared else "loop" if step.name in LOOPED else "batched"
    if randomness == "error":
        raise ValueError(
            f"vmap: function draws random numbers ({step.name}), randomness must be 'same' or "
            "'different'"
        )
    if randomness == "same" and not shared:
        raise ValueError(
            f"vmap: {step.name} draws numbers for each sample, randomness must be 'different'"
        )
    return "shared" if randomness == "same" else "loop"


def batched(step):
    """Results of a step with the batch axis in front; at least one operand has it."""
    own = RULES.get(step.name)
    if own is None and describe(step.name)[1]["elementwise"]:
        own = leading if step.name.endswith("_backward") else elementwise  # those do not broadcast
    found = own(step) if own else None
    return loop(step) if found is None else found


def draws(step):
    """True if the step needs random numbers in the present mode."""
    from .. import autograd

    if step.name in ("dropout", "rnn"):
        always = step.name == "dropout" and step.attr("mode") == "always"
        return step.attr("p") > 0 and (always or autograd.is_training())
    if step.name == "leaky_relu":
        return step.attr("act_type") == "rrelu" and autograd.is_training()
    if step.name in ("foreach", "while_loop", "cond", "gradient"):
        return any(_may_draw(step.texts.get(name)) for name in BODIES)
    return True


@functools.cache
def _random_names():
    """All names of operators that may draw, those in JSON files included."""
    found = [describe(name)[1] for name in list_operators()]
    return {n for d in found if d["random"] for n in (d["name"], *(s[1] for s in d["surfaces"]))}


def _may_draw(body):
    """True if a graph, as JSON text, has a node whose operator may draw."""
    nodes = json.loads(body)["nodes"] if body else ()
    return any(node["op"] in _random_names() for node in nodes)


def writes(step, about):
    """True if the step changes an operand in the present mode."""
    from .. import autograd

    if not any(i["mutable"] for i in about["inputs"]):
        return False
    if any(i["aux"] for i in about["inputs"]):  # running statistics
        return autograd.is_training() and not step.attr("use_global_stats")
    return True


def elementwise(step):
    """Element by element, with broadcasting."""
    ndim = max(o.ndim for o in step.operands)
    return step.finish(step.run(*(o.aligned(ndim) for o in step.operands)))


def fold(*positions):
    """A rule: the samples one behind the other along the first axis of operands that have one.

    Parameters
    ----------
    *positions : int
        Operands with the batch of the operator as first axis; the others must be shared.
    """

    def run(step):
        for i, operand in enumerate(step.operands):
            if operand.batched and i not in positions:
                return None
        arrays = [o.array for o in step.operands]
        for i in positions:
            if i >= len(arrays):
                continue
            if step.operands[i].ndim == 0:
                return None
            whole = step.operands[i].full(step.size)
            arrays[i] = with_shape(whole, (step.size * whole.shape[1], *whole.shape[2:]))
        return step.finish(step.run(*arrays))

    return run


def leading(step):
    """Operators on matrices or lines, whose leading axes are a batch already."""
    return step.finish(step.run(*(o.full(step.size) for o in step.operands)))


def of_shape(step):
    """Only shapes count: the same for all samples."""
    results = step.run(*(o.sample(0) for o in step.operands))
    shape = [(step.size, *r.shape) for r in results]
    return [
        apply("broadcast_to", with_shape(r, (1, *r.shape)), shape=s)[0]
        for r, s in zip(results, shape, strict=True)
    ]


RULES["real"] = RULES["imag"] = RULES["complex"] = elementwise
for _name in "index_array shape_array size_array arange_like multi_box_prior".split():
    RULES[_name] = of_shape

for _name in (
    "cholesky inverse det slogdet solve eigh eig svd qr linalg_extractdiag linalg_makediag "
    "linalg_extracttrian linalg_maketrian linalg_gelqf linalg_gemm2 linalg_gemm linalg_syrk "
    "linalg_potri linalg_sumlogdiag linalg_syevd linalg_trmm linalg_trsm batch_dot tril triu"
).split():
    RULES[_name] = leading

__all__ += ["elementwise", "fold", "leading", "move_axis", "of_shape"]
