# cython: c_api_binop_methods=True
# So `__add__` stands in the type's slot itself and gets both orders: subclasses in Python inherit
# the slot, where a separate `__radd__` would send each `a + b` through two look-ups by name.
"""Python's operators on arrays: the shortest way from `a + b` to the C interface."""

from libc.stdint cimport int32_t

from plait._array cimport Array, Operator, is_complex, wrap
from plait._capi cimport *
from plait._status cimport check

from plait._array import operator

cdef object _input_rule = None


def set_input_rule(rule):
    """As `plait._array.set_input_rule`, for the operators of this module."""
    global _input_rule
    _input_rule = rule


cdef object _binary(Operator op, Array a, Array b, type cls):
    cdef plait_array_t pair[2]
    cdef plait_array_t result = NULL
    cdef plait_status_t status
    cdef int32_t m = 1
    if _input_rule is not None:
        a, b = _input_rule(op.name, (a, b), ())
    pair[0] = a._array
    pair[1] = b._array
    status = plait_op_invoke(op.op, pair, 2, NULL, 0, PLAIT_INVOKE_NOW, &result, 1, &m)
    if m == 0:
        with nogil:
            status = plait_op_invoke(op.op, pair, 2, NULL, 0, 0, &result, 1, &m)
    check(status)
    return wrap(cls, result)


cdef object _scalar(Operator op, Array a, double value, type cls):
    cdef plait_value_t attr
    cdef plait_array_t result = NULL
    cdef plait_status_t status
    cdef int32_t m = 1
    attr.kind = PLAIT_VALUE_FLOAT
    attr.size = 0
    attr.as_.real = value
    status = plait_op_invoke(op.op, &a._array, 1, &attr, 1, PLAIT_INVOKE_NOW, &result, 1, &m)
    if m == 0:
        with nogil:
            status = plait_op_invoke(op.op, &a._array, 1, &attr, 1, 0, &result, 1, &m)
    check(status)
    return wrap(cls, result)


cdef inline bint _is_number(object v) except -1:
    return isinstance(v, (float, int)) or _is_real(v)


cdef bint _is_real(object v) except -1:
    """Of an object that is not Python's own. NumPy's complex numbers would become floats too."""
    if not hasattr(v, "__float__") or hasattr(v, "__len__"):
        return False
    if is_complex(v):
        raise TypeError(f"operand is {v}, must be real: complex numbers are for mx.np")
    return True


cdef object _arithmetic(Operator op, Operator scalar_op, Operator reflected_op, object a, object b):
    """`op(a, b)`; `scalar_op(a, scalar=b)` or `reflected_op(b, scalar=a)` if the other one is a
    number; NotImplemented for others."""
    if isinstance(a, Array):
        if isinstance(b, Array):
            return _binary(op, <Array>a, <Array>b, <type>type(a))
        if _is_number(b):
            return _scalar(scalar_op, <Array>a, b, <type>type(a))
    elif _is_number(a):
        return _scalar(reflected_op, <Array>b, a, <type>type(b))
    return NotImplemented


cdef class NDArithmetic(Array):
    """Operators of Python with the rules of `mx.nd`."""

    def __add__(left, right):
        return _arithmetic(_add, _add_scalar, _add_scalar, left, right)

    def __sub__(left, right):
        return _arithmetic(_subtract, _subtract_scalar, _rsubtract_scalar, left, right)

    def __mul__(left, right):
        return _arithmetic(_multiply, _multiply_scalar, _multiply_scalar, left, right)

    def __truediv__(left, right):
        return _arithmetic(_divide, _divide_scalar, _rdivide_scalar, left, right)

    def __mod__(left, right):
        return _arithmetic(_mod, _mod_scalar, _rmod_scalar, left, right)

    def __pow__(left, right, modulo):
        if modulo is not None:
            return NotImplemented
        return _arithmetic(_power, _power_scalar, _rpower_scalar, left, right)

    def __neg__(self):
        return _scalar(_multiply_scalar, self, -1.0, type(self))

    def __eq__(self, other):
        return _arithmetic(_equal, _equal_scalar, None, self, other)

    def __ne__(self, other):
        return _arithmetic(_not_equal, _not_equal_scalar, None, self, other)

    def __lt__(self, other):
        return _arithmetic(_less, _less_scalar, None, self, other)

    def __le__(self, other):
        return _arithmetic(_less_equal, _less_equal_scalar, None, self, other)

    def __gt__(self, other):
        return _arithmetic(_greater, _greater_scalar, None, self, other)

    def __ge__(self, other):
        return _arithmetic(_greater_equal, _greater_equal_scalar, None, self, other)

    def __hash__(self):
        return <Py_hash_t>(<size_t><void *>self >> 4)


cdef Operator _add = operator("add")
cdef Operator _add_scalar = operator("add_scalar")
cdef Operator _subtract = operator("subtract")
cdef Operator _subtract_scalar = operator("subtract_scalar")
cdef Operator _multiply = operator("multiply")
cdef Operator _multiply_scalar = operator("multiply_scalar")
cdef Operator _divide = operator("divide")
cdef Operator _divide_scalar = operator("divide_scalar")
cdef Operator _mod = operator("mod")
cdef Operator _mod_scalar = operator("mod_scalar")
cdef Operator _power = operator("power")
cdef Operator _power_scalar = operator("power_scalar")
cdef Operator _equal = operator("equal")
cdef Operator _equal_scalar = operator("equal_scalar")
cdef Operator _not_equal = operator("not_equal")
cdef Operator _not_equal_scalar = operator("not_equal_scalar")
cdef Operator _less = operator("less")
cdef Operator _less_scalar = operator("less_scalar")
cdef Operator _less_equal = operator("less_equal")
cdef Operator _less_equal_scalar = operator("less_equal_scalar")
cdef Operator _greater = operator("greater")
cdef Operator _greater_scalar = operator("greater_scalar")
cdef Operator _greater_equal = operator("greater_equal")
cdef Operator _greater_equal_scalar = operator("greater_equal_scalar")
cdef Operator _rsubtract_scalar = operator("rsubtract_scalar")
cdef Operator _rdivide_scalar = operator("rdivide_scalar")
cdef Operator _rmod_scalar = operator("rmod_scalar")
cdef Operator _rpower_scalar = operator("rpower_scalar")


# --- mx.np ---------------------------------------------------------------------------------------

cdef object _general  # general(name, a, b): the same for all other kinds of operands


def set_general(function):
    """Set what handles operands that are neither arrays nor plain numbers: f(operator, a, b)."""
    global _general
    _general = function


cdef class _Pair:
    """An operator on two arrays and its forms with a number on either side."""

    cdef Operator both, right, left
    cdef bint is_division  # whole numbers give a floating result

    def __init__(self, both, right, left, is_division=False):
        self.both = operator(both)
        self.right = operator(right)
        self.left = operator(left)
        self.is_division = is_division


cdef enum:
    _EXACT = 1 << 53  # whole numbers up to here are exact as double


cdef inline bint _is_inexact(Array a):
    cdef int32_t dtype = plait_array_dtype(a._array)
    return dtype == PLAIT_DTYPE_FLOAT32 or dtype == PLAIT_DTYPE_FLOAT64 \
        or dtype == PLAIT_DTYPE_FLOAT16 or dtype == PLAIT_DTYPE_BFLOAT16 \
        or dtype == PLAIT_DTYPE_COMPLEX64 or dtype == PLAIT_DTYPE_COMPLEX128


# True if the form with a number gives the dtype that mx.np wants: the array's own.
cdef bint _fits(_Pair pair, Array a, object b):
    if _is_inexact(a):
        return isinstance(b, (float, int))
    if pair.is_division or plait_array_dtype(a._array) == PLAIT_DTYPE_BOOL or type(b) is not int:
        return False
    return -_EXACT < b < _EXACT


# Either operand may be the array of mx.np whose slot this is.
cdef object _np_binary(_Pair pair, object a, object b):
    if isinstance(a, Array):
        if isinstance(b, Array):
            if plait_array_dtype((<Array>a)._array) == plait_array_dtype((<Array>b)._array) \
                    and (not pair.is_division or _is_inexact(<Array>a)):
                return _binary(pair.both, <Array>a, <Array>b,
                               <type>type(a if isinstance(a, NPArithmetic) else b))
        elif _fits(pair, <Array>a, b):
            return _scalar(pair.right, <Array>a, b, <type>type(a))
    elif _fits(pair, <Array>b, a):
        return _scalar(pair.left, <Array>b, a, <type>type(b))
    return _general(pair.both, a, b)


cdef class NPArithmetic(Array):
    """Operators of Python with the rules of `mx.np`."""

    def __add__(left, right):
        return _np_binary(_np_add, left, right)

    def __sub__(left, right):
        return _np_binary(_np_subtract, left, right)

    def __mul__(left, right):
        return _np_binary(_np_multiply, left, right)

    def __truediv__(left, right):
        return _np_binary(_np_divide, left, right)

    def __floordiv__(left, right):
        return _np_binary(_np_floor_divide, left, right)

    def __mod__(left, right):
        return _np_binary(_np_mod, left, right)

    def __divmod__(left, right):
        return left // right, left % right

    def __pow__(left, right, modulo):
        return NotImplemented if modulo is not None else _np_binary(_np_power, left, right)

    def __eq__(self, other):
        return _np_binary(_np_equal, self, other)

    def __ne__(self, other):
        return _np_binary(_np_not_equal, self, other)

    def __lt__(self, other):
        return _np_binary(_np_less, self, other)

    def __le__(self, other):
        return _np_binary(_np_less_equal, self, other)

    def __gt__(self, other):
        return _np_binary(_np_greater, self, other)

    def __ge__(self, other):
        return _np_binary(_np_greater_equal, self, other)

    def __and__(left, right):
        return _general(_bitwise_and, left, right)

    def __or__(left, right):
        return _general(_bitwise_or, left, right)

    def __xor__(left, right):
        return _general(_bitwise_xor, left, right)

    def __lshift__(left, right):
        return _general(_left_shift, left, right)

    def __rshift__(left, right):
        return _general(_right_shift, left, right)

    def __matmul__(left, right):
        if isinstance(left, NPArithmetic) and isinstance(right, NPArithmetic) \
                and plait_array_dtype((<Array>left)._array) \
                == plait_array_dtype((<Array>right)._array):
            return _binary(_matmul, <Array>left, <Array>right, <type>type(left))
        return _general(_matmul, left, right)

    def __hash__(self):
        return <Py_hash_t>(<size_t><void *>self >> 4)


cdef _Pair _np_add = _Pair("add", "add_scalar", "add_scalar")
cdef _Pair _np_subtract = _Pair("subtract", "subtract_scalar", "rsubtract_scalar")
cdef _Pair _np_multiply = _Pair("multiply", "multiply_scalar", "multiply_scalar")
cdef _Pair _np_divide = _Pair("true_divide", "true_divide_scalar", "rtrue_divide_scalar", True)
cdef _Pair _np_floor_divide = _Pair("floor_divide", "floor_divide_scalar", "rfloor_divide_scalar")
cdef _Pair _np_mod = _Pair("mod", "mod_scalar", "rmod_scalar")
cdef _Pair _np_power = _Pair("power", "power_scalar", "rpower_scalar")
cdef _Pair _np_equal = _Pair("np_equal", "np_equal_scalar", "np_equal_scalar")
cdef _Pair _np_not_equal = _Pair("np_not_equal", "np_not_equal_scalar", "np_not_equal_scalar")
cdef _Pair _np_less = _Pair("np_less", "np_less_scalar", "np_greater_scalar")
cdef _Pair _np_less_equal = _Pair("np_less_equal", "np_less_equal_scalar",
                                  "np_greater_equal_scalar")
cdef _Pair _np_greater = _Pair("np_greater", "np_greater_scalar", "np_less_scalar")
cdef _Pair _np_greater_equal = _Pair("np_greater_equal", "np_greater_equal_scalar",
                                     "np_less_equal_scalar")
cdef Operator _bitwise_and = operator("bitwise_and")
cdef Operator _bitwise_or = operator("bitwise_or")
cdef Operator _bitwise_xor = operator("bitwise_xor")
cdef Operator _left_shift = operator("left_shift")
cdef Operator _right_shift = operator("right_shift")
cdef Operator _matmul = operator("matmul")
