"""The executors of a module as one object, under the names that MXNet's programs use."""

import logging

__all__ = ["DataParallelExecutorGroup", "ExecutorGroup"]


class ExecutorGroup:
    """What `Module._exec_group` gives: a look at the executors that `bind` made.

    Lists of arrays have a row for each name and in it an array for each device; a parameter
    without a gradient has None there. The arrays are the module's own: writing into them counts.

    Parameters
    ----------
    module : Module
    """

    def __init__(self, module):
        self._module = module

    @property
    def execs(self):
        """list of Executor: one on each device."""
        return self._module._execs

    @property
    def contexts(self):
        """list of Context: the devices."""
        return self._module._context

    @property
    def workload(self):
        """list of float: shares of the devices."""
        return self._module._work_load_list

    @property
    def batch_size(self):
        """int: samples of a batch, over all devices."""
        return self._module._batch_size()

    @property
    def slices(self):
        """list of slice: the part of a batch that each device gets."""
        return self._module._slices

    @property
    def data_shapes(self):
        """list of DataDesc: the data."""
        return self._module._data_shapes

    @property
    def label_shapes(self):
        """list of DataDesc: the labels."""
        return self._module._label_shapes

    @property
    def data_names(self):
        """list of str: names of the data."""
        return self._module._data_names

    @property
    def label_names(self):
        """list of str: names of the labels."""
        return self._module._label_names

    @property
    def param_names(self):
        """list of str: names of the parameters, the rows of `param_arrays`."""
        return self._module._param_names

    @property
    def aux_names(self):
        """list of str: names of the auxiliary states, the rows of `aux_arrays`."""
        return self._module._aux_names

    @property
    def arg_names(self):
        """list of str: names of all arguments."""
        return self._module._symbol.list_arguments()

    @property
    def param_arrays(self):
        """list of list of NDArray: the parameters."""
        return [self._module._arrays("arg_dict", name) for name in self.param_names]

    @property
    def grad_arrays(self):
        """list of list of NDArray: gradients of the parameters; None if not bound for training."""
        if not self._module.for_training:
            return None
        return [self._module._arrays("grad_dict", name) for name in self.param_names]

    @property
    def aux_arrays(self):
        """list of list of NDArray: the auxiliary states."""
        return [self._module._arrays("aux_dict", name) for name in self.aux_names]

    @property
    def data_arrays(self):
        """list of list of (slice, NDArray): the data, with the part of a batch that each is."""
        return [self._parts(desc.name) for desc in self.data_shapes]

    @property
    def label_arrays(self):
        """list of list of (slice, NDArray): the labels, as `data_arrays`; None without labels."""
        return [self._parts(desc.name) for desc in self.label_shapes] or None

    def _parts(self, name):
        return list(zip(self.slices, self._module._arrays("arg_dict", name), strict=True))

    @property
    def state_arrays(self):
        """list of list of NDArray: the states."""
        return [self._module._arrays("arg_dict", name) for name in self._module._state_names]

    @property
    def input_grad_arrays(self):
        """list of list of NDArray: gradients of the data; None if not bound for them."""
        if not self._module.inputs_need_grad:
            return None
        return [self._module._arrays("grad_dict", name) for name in self.data_names]

    def forward(self, data_batch, is_train=None):
        """Run a batch, as `Module.forward`."""
        self._module.forward(data_batch, is_train)

    def backward(self, out_grads=None):
        """Gradients of the parameters, as `Module.backward`."""
        self._module.backward(out_grads)

    def reshape(self, data_shapes, label_shapes):
        """Bind to other shapes, as `Module.reshape`."""
        self._module.reshape(data_shapes, label_shapes)

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Count the outputs of the last `forward`, as `Module.update_metric`."""
        self._module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon):
        """Let a `Monitor` see the results of all operators."""
        self._module.install_monitor(mon)

    def get_input_grads(self, merge_multi_context=True):
        """list of NDArray: as `Module.get_input_grads`."""
        return self._module.get_input_grads(merge_multi_context)

    def get_states(self, merge_multi_context=True):
        """list of NDArray: as `Module.get_states`."""
        return self._module.get_states(merge_multi_context)

    def set_states(self, states=None, value=None):
        """Set the states, as `Module.set_states`."""
        self._module.set_states(states, value)

    def get_outputs(self, merge_multi_context=True):
        """list of NDArray: as `Module.get_outputs`."""
        return self._module.get_outputs(merge_multi_context)

    def get_output_shapes(self):
        """list of (str, tuple): as `Module.output_shapes`."""
        return self._module.output_shapes

    def set_params(self, arg_params, aux_params, allow_extra=False):
        """Copy parameters into the executors; those that the dicts leave out stay.

        Raises
        ------
        ValueError
            If a name is unknown and `allow_extra` is False.
        """
        for executor in self.execs:
            executor.copy_params_from(arg_params, aux_params, allow_extra_params=allow_extra)

    def get_params(self, arg_params, aux_params):
        """Copy the parameters into the arrays of the dicts, the mean over the devices."""
        for own, given in zip(self._module.get_params(), (arg_params, aux_params), strict=True):
            for name, array in own.items():
                array.astype(given[name].dtype).copyto(given[name])


class DataParallelExecutorGroup(ExecutorGroup):
    """Executors of a symbol on several devices, made by a program that has no module.

    Parameters
    ----------
    symbol : Symbol
    contexts : list of Context
    workload : list of float
        Shares of the devices.
    data_shapes, label_shapes : list of DataDesc or of (str, tuple)
    param_names : list of str
        Arguments that are parameters: all but data, labels and states.
    for_training, inputs_need_grad : bool
        As for `Module.bind`.
    shared_group : ExecutorGroup, optional
        Whose parameters to use.
    logger, fixed_param_names, state_names, group2ctxs
        As for `Module`.
    grad_req : str, list or dict of str
        "write", "add" or "null".
    """

    def __init__(
        self,
        symbol,
        contexts,
        workload,
        data_shapes,
        label_shapes,
        param_names,
        for_training,
        inputs_need_grad,
        shared_group=None,
        logger=logging,
        fixed_param_names=None,
        grad_req="write",
        state_names=None,
        group2ctxs=None,
    ):
        from .base_module import descriptions
        from .module import Module

        module = Module(
            symbol,
            [d.name for d in descriptions(data_shapes)],
            [d.name for d in descriptions(label_shapes)],
            logger,
            contexts,
            workload,
            fixed_param_names,
            state_names,
            group2ctxs,
        )
        if sorted(param_names) != sorted(module._param_names):
            raise ValueError(
                f"DataParallelExecutorGroup: param_names is {param_names}, must be "
                f"{module._param_names}"
            )
        module.bind(
            data_shapes,
            label_shapes,
            for_training,
            inputs_need_grad,
            shared_module=shared_group and shared_group._module,
            grad_req=grad_req,
        )
        module.params_initialized = True
        super().__init__(module)
