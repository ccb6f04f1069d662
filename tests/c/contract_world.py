"""One object of each kind, for the calls of contract_calls.py."""

import struct
import subprocess
import threading

from cffi import FFI

NULL = FFI().NULL
# Functions of an operator that stays registered.
ALWAYS = {}
RECORDS = "image record_file record_writer rec written picture options codecs".split()


class World:
    """One object of each kind, and the arguments of a good call of each function."""

    def __init__(self, c, folder):
        self.c, ffi, lib = c, c.ffi, c.lib
        self.keep, self.kept_arrays, self.folder = [], [], str(folder).encode()
        self.later = []  # handles made when they were asked for: (noun, handle)
        self.a, self.b = c.array([1, 2, 3]), c.array([0, 0, 0])
        self.x = self.made("plait_symbol_t", lib.plait_symbol_variable, b"x")
        self.w = self.made("plait_symbol_t", lib.plait_symbol_variable, b"w")
        self.add = c.op("add")
        self.sum = self.made(
            "plait_symbol_t", lib.plait_symbol_apply,
            self.add, b"s", [self.x, self.w], NULL, 2, NULL, NULL, 0,
        )  # fmt: skip
        self.graph = self.made("plait_graph_t", lib.plait_graph_new, self.sum)
        self.buffer = self.made("plait_buffer_t", lib.plait_symbol_to_json, self.sum)
        names = self.strings(b"arg:w")
        self.bytes = self.made("plait_buffer_t", lib.plait_archive_save_buffer, [self.a], names, 1)
        self.archive = self.made(
            "plait_archive_t", lib.plait_archive_load_buffer,
            lib.plait_buffer_data(self.bytes), lib.plait_buffer_size(self.bytes),
        )  # fmt: skip
        self.predictor = self.made(
            "plait_predictor_t", lib.plait_predictor_load_buffer,
            lib.plait_buffer_data(self.buffer), lib.plait_buffer_size(self.buffer),
            lib.plait_buffer_data(self.bytes), lib.plait_buffer_size(self.bytes),
        )  # fmt: skip
        self.var = self.made("plait_var_t", lib.plait_var_new)
        self.kvstore = self.made("plait_kvstore_t", lib.plait_kvstore_new, b"local")
        c.ok(lib.plait_kvstore_init(self.kvstore, b"w", self.a))
        option = self.strings(b"batch_size"), self.strings(b"2")
        self.iter = self.made(
            "plait_iter_t", lib.plait_iter_from_arrays, self.a, self.b, *option, 1
        )
        self.comm = self.made("plait_comm_t", lib.plait_comm_new_group, 1)
        c.ok(lib.plait_predictor_set_input(self.predictor, b"x", self.a))
        c.ok(lib.plait_predictor_run(self.predictor))
        with open(folder / "p", "wb") as file:
            file.write(
                ffi.buffer(lib.plait_buffer_data(self.bytes), lib.plait_buffer_size(self.bytes))
            )
        with open(folder / "s", "wb") as file:
            file.write(ffi.string(lib.plait_buffer_data(self.buffer)))

    def __getattr__(self, name):
        """Records, pictures and what has a method `make_` are made when they are asked for."""
        if hasattr(type(self), f"make_{name}"):
            setattr(self, name, getattr(self, f"make_{name}")())
        elif name in RECORDS and "image" not in vars(self):
            self.records()
        else:
            raise AttributeError(name)
        return getattr(self, name)

    def make_matrix(self):
        """Array of shape (3, 2) with two elements that are not 0."""
        self.kept_arrays.append(self.c.array([0, 2, 0, 0, 0, 3], (3, 2)))
        return self.kept_arrays[-1]

    def make_csr(self):
        return self.made_later("sparse", self.c.lib.plait_sparse_from_array, self.matrix, 2)

    def make_rows(self):
        return self.made_later("sparse", self.c.lib.plait_sparse_from_array, self.matrix, 1)

    def make_parts(self):
        """Values and numbers of the rows."""
        get = self.c.lib.plait_sparse_part
        self.kept_arrays += [self.made("plait_array_t", get, self.rows, i) for i in range(2)]
        return self.kept_arrays[-2:]

    def make_mixed(self):
        """An archive with a dense and a sparse array."""
        lib, path = self.c.lib, self.folder + b"/m"
        arrays, sparse = [self.a, NULL], [NULL, self.csr]
        self.c.ok(lib.plait_archive_save_mixed(path, arrays, sparse, NULL, 2))
        return self.made_later("archive", lib.plait_archive_load, path)

    def make_head(self):
        """A result of a recorded step."""
        lib = self.c.lib
        self.c.ok(lib.plait_autograd_mark_variables([self.a], [self.b], [1], 1))
        lib.plait_autograd_set_recording(1)
        status, arrays = self.c.invoke("square", [self.a])
        lib.plait_autograd_set_recording(0)
        self.c.ok(status)
        self.kept_arrays += arrays
        return arrays[0]

    def make_pair(self):
        """Both ranks of a group."""
        ranks = self.c.ffi.new("plait_comm_t[2]")
        self.c.ok(self.c.lib.plait_comm_new_group(2, ranks))
        self.later += [("comm", rank) for rank in ranks]
        return list(ranks)

    def make_completion(self):
        """Of a task that has begun and waits to be ended."""
        got, begun = [], threading.Event()

        def run(user, threads, completion):
            got.append(completion)
            begun.set()
            return 0

        task = self.callback("plait_async_task_t", run)
        push = self.c.lib.plait_engine_push_async
        self.c.ok(push(task, NULL, NULL, NULL, 0, [self.var], 1, NULL))
        assert begun.wait(30)
        return got[0]

    def callback(self, kind, function):
        self.keep.append(self.c.ffi.callback(kind, function))
        return self.keep[-1]

    def task(self):
        return self.callback("plait_task_t", lambda user, threads: 0)

    def async_task(self):
        def run(user, threads, completion):
            return self.c.lib.plait_engine_complete(completion, 0, NULL)

        return self.callback("plait_async_task_t", run)

    def backward(self):
        return self.callback("plait_backward_t", lambda *_: self.c.lib.PLAIT_ERR_CALLBACK)

    def custom_op(self):
        """An operator without inputs that gives one number."""

        def count(user, params, num_inputs, num_outputs):
            num_inputs[0], num_outputs[0] = 0, 1
            return 0

        op = self.c.ffi.new("plait_custom_op_t *")
        op.struct_size = self.c.ffi.sizeof("plait_custom_op_t")
        for field in ("count", "infer", "forward"):
            kind = self.c.ffi.typeof(getattr(op, field))
            op_function = count if field == "count" else (lambda *_: 0)
            setattr(op, field, ALWAYS.setdefault(field, self.c.ffi.callback(kind, op_function)))
        return op

    def custom_more(self):
        """What the operator of `custom_op`, which must be known, has besides: nothing."""
        self.c.ok(self.c.lib.plait_custom_register(b"contract", self.custom_op()))
        more = self.c.ffi.new("plait_custom_more_t *")
        more.struct_size = self.c.ffi.sizeof("plait_custom_more_t")
        return more

    def shared_library(self):
        """One with an operator of no use."""
        source = self.folder.decode() + "/library.c"
        with open(source, "w") as file:
            file.write("int plait_library_init(int version, void *f) { return !(version && f); }")
        compiler = self.c.compiler("gcc")
        subprocess.run([compiler, "-shared", "-fPIC", source, "-o", source + ".so"], check=True)
        return source.encode() + b".so"

    def records(self):
        """A file of records, one of them with a picture if there are codecs."""
        lib, ffi, at = self.c.lib, self.c.ffi, self.c.ffi.new("int64_t *")
        self.image = self.made("plait_array_t", lib.plait_array_empty, [4, 4, 3], 3, 3, self.c.cpu)
        self.c.ok(lib.plait_array_copy_from_host(self.image, bytes(48), 48))
        self.codecs = lib.plait_image_has_codecs()
        picture = b"\0" * 100
        if self.codecs:
            png = self.made("plait_buffer_t", lib.plait_image_encode, self.image, b"png", 3)
            picture = ffi.buffer(lib.plait_buffer_data(png), lib.plait_buffer_size(png))[:]
            lib.plait_buffer_free(png)
        self.picture, head = picture, struct.pack("<IfQQ", 0, 1.0, 7, 0)
        self.rec, self.written = self.folder + b"/a.rec", self.folder + b"/b.rec"
        writer = self.made("plait_record_writer_t", lib.plait_record_writer_open, self.rec)
        record = head + picture
        self.c.ok(lib.plait_record_writer_write(writer, record, len(record), at))
        lib.plait_record_writer_free(writer)
        self.record_file = self.made("plait_record_file_t", lib.plait_record_file_open, self.rec)
        self.record_writer = self.made(
            "plait_record_writer_t", lib.plait_record_writer_open, self.written
        )
        self.options = ffi.new("plait_image_reader_options_t *")
        for key, value in {"channels": 3, "height": 4, "width": 4, "label_width": 1, "threads": 1,
                           "batch_size": 1, "prefetch": 1, "interpolation": 1, "max_area": 1,
                           "min_area": 1, "min_ratio": 1, "max_ratio": 1, "scale": 1}.items():  # fmt: skip
            setattr(self.options, key, value)
        self.options.struct_size = ffi.sizeof("plait_image_reader_options_t")
        self.options.std = [1, 1, 1]
        self.options.stretch = self.options.zoom = [1, 1]

    def make_image_reader(self):
        """A reader that has started: its thread takes memory when it likes."""
        if not self.codecs:
            return NULL
        new, start = self.c.lib.plait_image_reader_new, self.c.lib.plait_image_reader_start
        reader = self.made_later("image_reader", new, self.rec, self.options)
        self.c.ok(start(reader, [0], 1, 0))
        return reader

    def trace(self):
        """A trace that has begun in this thread."""
        if not hasattr(self, "_trace"):
            self._trace = self.made("plait_trace_t", self.c.lib.plait_trace_begin)
        return self._trace

    def trace_that_read(self):
        """A trace with an array that has no name."""
        self.traced_output()
        return self._trace

    def traced_output(self):
        """A list of an array that the trace knows."""
        self.trace()
        captured, arrays = self.c.invoke("add", [self.a, self.a])
        self.c.ok(captured)
        self.kept_arrays += arrays
        return arrays

    def csv(self):
        with open(self.folder + b"/a.csv", "w") as file:
            file.write("1,2\n3,4\n")
        return self.folder + b"/a.csv"

    def dead(self, noun):
        """A handle that was freed."""
        lib, name = self.c.lib, f"plait_{noun}_t"
        makers = {
            "buffer": (lib.plait_symbol_to_json, self.sum),
            "symbol": (lib.plait_symbol_variable, b"v"),
            "graph": (lib.plait_graph_new, self.sum),
            "predictor": (lib.plait_predictor_clone, self.predictor),
            "var": (lib.plait_var_new,),
            "iter": (lib.plait_iter_from_arrays, self.a, self.b, NULL, NULL, 0),
            "kvstore": (lib.plait_kvstore_new, b"local"),
            "comm": (lib.plait_comm_new_group, 1),
            "record_file": (lib.plait_record_file_open, self.rec),
            "record_writer": (lib.plait_record_writer_open, self.folder + b"/d.rec"),
            "image_reader": (lib.plait_image_reader_new, self.rec, self.options),
            "archive": (lib.plait_archive_load, self.folder + b"/p"),
            "sparse": (lib.plait_sparse_zeros, 2, [3, 2], 2, 0),
        }
        if noun == "trace":
            lib.plait_trace_free(self.trace())
            return self._trace
        if noun == "completion":
            handle = self.completion
            self.c.ok(lib.plait_engine_complete(handle, 0, NULL))
            del self.completion
            return handle
        handle = self.made(name, *makers[noun])
        getattr(lib, f"plait_{noun}_free")(handle)
        return handle

    def made(self, kind, function, *arguments):
        out = self.c.ffi.new(kind + "*")
        self.c.ok(function(*arguments, out))
        return out[0]

    def made_later(self, noun, function, *arguments):
        handle = self.made(f"plait_{noun}_t", function, *arguments)
        self.later.append((noun, handle))
        return handle

    def strings(self, *texts):
        items = [self.c.ffi.new("char[]", text) for text in texts]
        self.keep += items
        array = self.c.ffi.new("char*[]", items)
        self.keep.append(array)
        return array

    def free(self):
        lib = self.c.lib
        lib.plait_trace_free(getattr(self, "_trace", NULL))
        if "completion" in vars(self):
            lib.plait_engine_complete(self.completion, 0, NULL)
        lib.plait_engine_wait_all()  # tasks call functions that live as long as this object
        if "head" in vars(self):
            self.c.ok(lib.plait_autograd_mark_variables([self.a], NULL, [0], 1))
        for noun, handle in self.later:
            getattr(lib, f"plait_{noun}_free")(handle)
        self.c.free(self.a, self.b, *self.kept_arrays)
        if "image" in vars(self):
            self.c.free(self.image)
            lib.plait_record_file_free(self.record_file)
            lib.plait_record_writer_free(self.record_writer)
        lib.plait_iter_free(self.iter)
        lib.plait_kvstore_free(self.kvstore)
        for symbol in (self.x, self.w, self.sum):
            lib.plait_symbol_free(symbol)
        lib.plait_graph_free(self.graph)
        lib.plait_archive_free(self.archive)
        lib.plait_predictor_free(self.predictor)
        lib.plait_var_free(self.var)
        lib.plait_comm_free(self.comm)
        for buffer in (self.buffer, self.bytes):
            lib.plait_buffer_free(buffer)
