# Generated from plait/c_api.h by `python -m plait.codegen`: do not edit.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "plait/c_api.h" nogil:
    ctypedef struct DLManagedTensor:
        void (*deleter)(DLManagedTensor *tensor) noexcept
    ctypedef struct DLManagedTensorVersioned:
        void (*deleter)(DLManagedTensorVersioned *tensor) noexcept
    int32_t plait_abi_version()
    const char *plait_version()
    const char *plait_features()
    ctypedef enum plait_status_t:
        PLAIT_OK
        PLAIT_ERR_INVALID_ARGUMENT
        PLAIT_ERR_TYPE
        PLAIT_ERR_SHAPE
        PLAIT_ERR_INDEX
        PLAIT_ERR_KEY
        PLAIT_ERR_NOT_IMPLEMENTED
        PLAIT_ERR_OUT_OF_MEMORY
        PLAIT_ERR_IO
        PLAIT_ERR_DEVICE
        PLAIT_ERR_COMM
        PLAIT_ERR_CALLBACK
        PLAIT_ERR_INTERNAL
    const char *plait_last_error()
    void plait_set_last_error(const char *message)
    const char *plait_status_name(plait_status_t status)
    const char *plait_status_text(plait_status_t status)
    cdef struct plait_buffer_s
    ctypedef plait_buffer_s *plait_buffer_t
    const char *plait_buffer_data(plait_buffer_t buffer)
    int64_t plait_buffer_size(plait_buffer_t buffer)
    void plait_buffer_free(plait_buffer_t buffer)
    ctypedef enum plait_dtype_t:
        PLAIT_DTYPE_FLOAT32
        PLAIT_DTYPE_FLOAT64
        PLAIT_DTYPE_FLOAT16
        PLAIT_DTYPE_UINT8
        PLAIT_DTYPE_INT32
        PLAIT_DTYPE_INT8
        PLAIT_DTYPE_INT64
        PLAIT_DTYPE_BOOL
        PLAIT_DTYPE_INT16
        PLAIT_DTYPE_UINT16
        PLAIT_DTYPE_UINT32
        PLAIT_DTYPE_UINT64
        PLAIT_DTYPE_BFLOAT16
        PLAIT_DTYPE_COMPLEX64
        PLAIT_DTYPE_COMPLEX128
    ctypedef enum plait_device_kind_t:
        PLAIT_DEVICE_CPU
        PLAIT_DEVICE_GPU
        PLAIT_DEVICE_CPU_PINNED
        PLAIT_DEVICE_CPU_SHARED
    ctypedef struct plait_device_t:
        int32_t kind
        int32_t id
    cdef struct plait_array_s
    ctypedef plait_array_s *plait_array_t
    ctypedef void (*plait_drop_t)(void *user) noexcept
    plait_status_t plait_array_empty(const int64_t *shape, int32_t ndim, plait_dtype_t dtype, plait_device_t device, plait_array_t *out)
    plait_status_t plait_array_from_data(const void *data, const int64_t *shape, const int64_t *strides, int32_t ndim, plait_dtype_t dtype, plait_device_t device, plait_array_t *out)
    plait_status_t plait_array_from_memory(void *data, const int64_t *shape, const int64_t *strides, int32_t ndim, plait_dtype_t dtype, plait_device_t device, int32_t read_only, plait_drop_t drop, void *user, plait_array_t *out)
    void plait_array_free(plait_array_t array)
    plait_array_t plait_array_retain(plait_array_t array)
    plait_status_t plait_array_detach(plait_array_t array, plait_array_t *out)
    int32_t plait_array_ndim(plait_array_t array)
    const int64_t *plait_array_shape(plait_array_t array)
    const int64_t *plait_array_strides(plait_array_t array)
    int64_t plait_array_size(plait_array_t array)
    int64_t plait_array_nbytes(plait_array_t array)
    int32_t plait_array_dtype(plait_array_t array)
    plait_device_t plait_array_device(plait_array_t array)
    int32_t plait_array_is_contiguous(plait_array_t array)
    int32_t plait_array_is_read_only(plait_array_t array)
    int64_t plait_array_version(plait_array_t array)
    int32_t plait_array_shares_memory(plait_array_t a, plait_array_t b)
    plait_status_t plait_array_data(plait_array_t array, int32_t write, void **data)
    plait_status_t plait_array_wait_to_read(plait_array_t array)
    plait_status_t plait_array_wait_to_write(plait_array_t array)
    plait_status_t plait_array_copy_from_host(plait_array_t array, const void *data, int64_t bytes)
    plait_status_t plait_array_copy_to_host(plait_array_t array, void *data, int64_t bytes)
    plait_status_t plait_array_copy_to(plait_array_t source, plait_array_t to)
    plait_status_t plait_array_to_dlpack(plait_array_t array, DLManagedTensorVersioned **tensor)
    plait_status_t plait_array_to_dlpack_old(plait_array_t array, DLManagedTensor **tensor)
    plait_status_t plait_array_from_dlpack(DLManagedTensorVersioned *tensor, plait_array_t *out)
    plait_status_t plait_array_from_dlpack_old(DLManagedTensor *tensor, plait_array_t *out)
    int64_t plait_array_live_count()
    cdef struct plait_op_s
    ctypedef const plait_op_s *plait_op_t
    ctypedef enum plait_value_kind_t:
        PLAIT_VALUE_NONE
        PLAIT_VALUE_BOOL
        PLAIT_VALUE_INT
        PLAIT_VALUE_FLOAT
        PLAIT_VALUE_STRING
        PLAIT_VALUE_INTS
        PLAIT_VALUE_FLOATS
    cdef union _plait_value_t_as:
        int64_t integer
        double real
        const char *string
        const int64_t *ints
        const double *floats
    ctypedef struct plait_value_t:
        int32_t kind
        int32_t size
        _plait_value_t_as as_ "as"
    ctypedef struct plait_spec_t:
        int32_t dtype
        int32_t ndim
        int64_t shape[32]
    plait_status_t plait_op_find(const char *name, plait_op_t *op)
    plait_status_t plait_op_find_on(const char *surface, const char *name, plait_op_t *op)
    int32_t plait_op_count()
    plait_op_t plait_op_at(int32_t index)
    const char *plait_op_name(plait_op_t op)
    plait_status_t plait_op_describe(plait_op_t op, char **json)
    plait_status_t plait_op_attr_index(plait_op_t op, const char *name, int32_t *index)
    int32_t plait_op_runs_on(plait_op_t op, int32_t kind)
    ctypedef enum plait_invoke_flag_t:
        PLAIT_INVOKE_VIEW
        PLAIT_INVOKE_NOW
        PLAIT_INVOKE_HIDDEN
    plait_status_t plait_op_invoke(plait_op_t op, const plait_array_t *inputs, int32_t num_inputs, const plait_value_t *attrs, int32_t num_attrs, int32_t flags, plait_array_t *outputs, int32_t capacity, int32_t *num_outputs)
    plait_status_t plait_op_infer(plait_op_t op, const plait_spec_t *inputs, int32_t num_inputs, const plait_value_t *attrs, int32_t num_attrs, plait_spec_t *specs, int32_t capacity, int32_t *num_outputs)
    plait_status_t plait_random_seed(uint64_t seed)
    plait_status_t plait_random_get_position(uint64_t *seed, uint64_t *offset)
    plait_status_t plait_random_set_position(uint64_t seed, uint64_t offset)
    ctypedef enum plait_storing_t:
        PLAIT_STORING_ROW_SPARSE
        PLAIT_STORING_CSR
    cdef struct plait_sparse_s
    ctypedef plait_sparse_s *plait_sparse_t
    plait_status_t plait_sparse_new(int32_t storing, const int64_t *shape, int32_t ndim, const plait_array_t *parts, int32_t num_parts, plait_sparse_t *out)
    plait_status_t plait_sparse_zeros(int32_t storing, const int64_t *shape, int32_t ndim, plait_dtype_t dtype, plait_sparse_t *out)
    plait_status_t plait_sparse_from_array(plait_array_t array, int32_t storing, plait_sparse_t *out)
    plait_status_t plait_sparse_to_array(plait_sparse_t sparse, plait_array_t *out)
    void plait_sparse_free(plait_sparse_t sparse)
    int32_t plait_sparse_storing(plait_sparse_t sparse)
    int32_t plait_sparse_dtype(plait_sparse_t sparse)
    int32_t plait_sparse_ndim(plait_sparse_t sparse)
    const int64_t *plait_sparse_shape(plait_sparse_t sparse)
    plait_status_t plait_sparse_part(plait_sparse_t sparse, int32_t index, plait_array_t *out)
    plait_status_t plait_sparse_rows(plait_sparse_t sparse, plait_array_t *values, plait_array_t *index)
    plait_status_t plait_sparse_assign(plait_sparse_t sparse, const plait_array_t *parts, int32_t num_parts)
    plait_status_t plait_sparse_check(plait_sparse_t sparse)
    plait_status_t plait_sparse_sum(const plait_sparse_t *items, int32_t count, plait_sparse_t *out)
    plait_status_t plait_sparse_multiply(plait_sparse_t lhs, plait_sparse_t rhs, plait_sparse_t *out)
    plait_status_t plait_sparse_merge_rows(plait_array_t values, plait_array_t index, const int64_t *shape, int32_t ndim, plait_sparse_t *out)
    ctypedef enum plait_grad_req_t:
        PLAIT_GRAD_NULL
        PLAIT_GRAD_WRITE
        PLAIT_GRAD_ADD
    int32_t plait_autograd_is_recording()
    int32_t plait_autograd_is_training()
    int32_t plait_autograd_set_recording(int32_t on)
    int32_t plait_autograd_set_training(int32_t on)
    int32_t plait_autograd_is_recorded(plait_array_t array)
    plait_status_t plait_autograd_mark_variables(const plait_array_t *arrays, const plait_array_t *grads, const int32_t *grad_reqs, int32_t count)
    plait_status_t plait_autograd_get_grad(plait_array_t array, plait_array_t *grad, int32_t *grad_req)
    ctypedef enum plait_backward_flag_t:
        PLAIT_BACKWARD_RETAIN
        PLAIT_BACKWARD_CREATE
        PLAIT_BACKWARD_TRAIN
    plait_status_t plait_autograd_backward(const plait_array_t *heads, const plait_array_t *head_grads, int32_t num_heads, const plait_array_t *variables, int32_t num_variables, int32_t flags, plait_array_t *grads)
    ctypedef plait_status_t (*plait_backward_t)(void *user, const plait_array_t *out_grads, int32_t num_out_grads, plait_array_t *in_grads, int32_t num_in_grads) noexcept
    plait_status_t plait_autograd_record(const char *name, const plait_array_t *inputs, int32_t num_inputs, const plait_array_t *outputs, int32_t num_outputs, plait_backward_t backward, plait_drop_t drop, void *user)
    plait_status_t plait_autograd_mark_sparse(plait_array_t array, plait_sparse_t grad, int32_t grad_req)
    plait_status_t plait_autograd_get_sparse_grad(plait_array_t array, plait_sparse_t *grad)
    ctypedef struct plait_block_t:
        void *data
        plait_spec_t spec
    ctypedef struct plait_custom_op_t:
        uint32_t struct_size
        void *user
        plait_drop_t drop
        plait_status_t (*count)(void *user, const char *params, int32_t *num_inputs, int32_t *num_outputs) noexcept
        plait_status_t (*infer)(void *user, const char *params, const plait_spec_t *inputs, int32_t num_inputs, plait_spec_t *outputs, int32_t num_outputs) noexcept
        plait_status_t (*forward)(void *user, const char *params, int32_t is_train, const plait_block_t *inputs, int32_t num_inputs, const plait_block_t *outputs, int32_t num_outputs) noexcept
        plait_status_t (*backward)(void *user, const char *params, const plait_block_t *out_grads, const plait_block_t *inputs, int32_t num_inputs, const plait_block_t *outputs, int32_t num_outputs, const plait_block_t *in_grads) noexcept
    plait_status_t plait_custom_register(const char *name, const plait_custom_op_t *op)
    ctypedef struct plait_custom_more_t:
        uint32_t struct_size
        plait_status_t (*count_states)(void *user, const char *params, int32_t *num_states) noexcept
        plait_status_t (*complete)(void *user, const char *params, plait_spec_t *inputs, int32_t num_inputs) noexcept
    plait_status_t plait_custom_extend(const char *name, const plait_custom_more_t *more)
    int32_t plait_custom_count()
    plait_status_t plait_custom_names(plait_buffer_t *out)
    ctypedef plait_status_t (*plait_library_init_t)(int32_t abi_version, plait_status_t (*register_op)(const char *, const plait_custom_op_t *) noexcept) noexcept
    plait_status_t plait_library_load(const char *path)
    ctypedef struct plait_engine_stats_t:
        uint32_t struct_size
        int32_t workers
        int64_t inlined
        int64_t queued
        int64_t pending
        int64_t bytes_pending
        int64_t in_caller
        int64_t busy_ns
        int64_t uptime_ns
        int32_t threads
        int32_t reserved
    plait_status_t plait_engine_wait_all()
    plait_status_t plait_engine_get_stats(plait_engine_stats_t *stats)
    int32_t plait_engine_is_serial()
    plait_status_t plait_engine_set_interrupt_check(int32_t (*interrupted)() noexcept)
    plait_status_t plait_engine_before_fork()
    plait_status_t plait_engine_after_fork_parent()
    plait_status_t plait_engine_after_fork_child()
    plait_status_t plait_engine_shutdown()
    plait_status_t plait_engine_set_num_threads(int32_t threads, int32_t *before)
    plait_status_t plait_engine_set_bulk_size(int64_t size, int64_t *before)
    plait_status_t plait_engine_set_caller_limit(int64_t ns, int64_t *before)
    plait_status_t plait_engine_set_origin(int32_t (*origin)(char *text, int32_t capacity) noexcept)
    cdef struct plait_var_s
    ctypedef plait_var_s *plait_var_t
    cdef struct plait_completion_s
    ctypedef plait_completion_s *plait_completion_t
    ctypedef plait_status_t (*plait_task_t)(void *user, int32_t threads) noexcept
    ctypedef plait_status_t (*plait_async_task_t)(void *user, int32_t threads, plait_completion_t completion) noexcept
    ctypedef struct plait_task_options_t:
        uint32_t struct_size
        int32_t priority
        double cost_ns
        int64_t bytes
        const char *name
    plait_status_t plait_var_new(plait_var_t *out)
    plait_status_t plait_var_of_array(plait_array_t array, plait_var_t *out)
    void plait_var_free(plait_var_t var)
    int64_t plait_var_version(plait_var_t var)
    plait_status_t plait_var_wait(plait_var_t var, int32_t for_write)
    plait_status_t plait_engine_push(plait_task_t run, void *user, plait_drop_t drop, const plait_var_t *reads, int32_t num_reads, const plait_var_t *writes, int32_t num_writes, const plait_task_options_t *options)
    plait_status_t plait_engine_push_async(plait_async_task_t run, void *user, plait_drop_t drop, const plait_var_t *reads, int32_t num_reads, const plait_var_t *writes, int32_t num_writes, const plait_task_options_t *options)
    plait_status_t plait_engine_complete(plait_completion_t completion, plait_status_t status, const char *message)
    ctypedef enum plait_profile_t:
        PLAIT_PROFILE_OFF
        PLAIT_PROFILE_OPERATIONS
        PLAIT_PROFILE_MEMORY
    plait_status_t plait_profiler_set_state(int32_t state)
    int64_t plait_profiler_count()
    plait_status_t plait_profiler_read(int32_t clear, plait_buffer_t *json)
    int32_t plait_device_count(int32_t kind)
    plait_status_t plait_device_memory(plait_device_t device, int64_t *available, int64_t *total)
    ctypedef struct plait_memory_stats_t:
        uint32_t struct_size
        int32_t reserved
        int64_t bytes_in_use
        int64_t bytes_cached
        int64_t peak_bytes_in_use
        int64_t allocations
        int64_t system_allocations
    plait_status_t plait_memory_get_stats(plait_memory_stats_t *stats)
    plait_status_t plait_memory_release()
    plait_status_t plait_memory_fail_after(int64_t n)
    cdef struct plait_archive_s
    ctypedef plait_archive_s *plait_archive_t
    plait_status_t plait_archive_save(const char *path, const plait_array_t *arrays, char **names, int32_t count)
    plait_status_t plait_archive_save_mixed(const char *path, const plait_array_t *arrays, const plait_sparse_t *sparse, char **names, int32_t count)
    plait_status_t plait_archive_save_buffer(const plait_array_t *arrays, char **names, int32_t count, plait_buffer_t *out)
    plait_status_t plait_archive_load(const char *path, plait_archive_t *out)
    plait_status_t plait_archive_load_buffer(const void *data, int64_t bytes, plait_archive_t *out)
    int32_t plait_archive_count(plait_archive_t archive)
    plait_status_t plait_archive_array(plait_archive_t archive, int32_t index, plait_array_t *out)
    int32_t plait_archive_storing(plait_archive_t archive, int32_t index)
    plait_status_t plait_archive_sparse(plait_archive_t archive, int32_t index, plait_sparse_t *out)
    const char *plait_archive_name(plait_archive_t archive, int32_t index)
    void plait_archive_free(plait_archive_t archive)
    cdef struct plait_record_file_s
    ctypedef plait_record_file_s *plait_record_file_t
    plait_status_t plait_record_file_open(const char *path, plait_record_file_t *out)
    void plait_record_file_free(plait_record_file_t file)
    plait_status_t plait_record_file_read(plait_record_file_t file, int64_t offset, plait_buffer_t *record, int64_t *next)
    plait_status_t plait_record_file_offsets(plait_record_file_t file, int32_t recover, plait_array_t *out)
    plait_status_t plait_record_file_find(plait_record_file_t file, int64_t offset, int64_t *found)
    cdef struct plait_record_writer_s
    ctypedef plait_record_writer_s *plait_record_writer_t
    plait_status_t plait_record_writer_open(const char *path, plait_record_writer_t *out)
    plait_status_t plait_record_writer_write(plait_record_writer_t writer, const void *bytes, int64_t size, int64_t *offset)
    int64_t plait_record_writer_tell(plait_record_writer_t writer)
    plait_status_t plait_record_writer_flush(plait_record_writer_t writer)
    plait_status_t plait_record_writer_close(plait_record_writer_t writer)
    void plait_record_writer_free(plait_record_writer_t writer)
    int32_t plait_image_has_codecs()
    plait_status_t plait_image_decode(const void *bytes, int64_t size, const char *name, int32_t color, plait_array_t *out)
    plait_status_t plait_image_encode(plait_array_t image, const char *format, int32_t quality, plait_buffer_t *out)
    plait_status_t plait_image_resample(plait_array_t image, int64_t height, int64_t width, int32_t interpolation, plait_array_t *out)
    ctypedef struct plait_crop_sampler_t:
        double scale[2]
        double ratio[2]
        double overlap[2]
        double sample_coverage[2]
        double object_coverage[2]
        int64_t trials
    ctypedef struct plait_detection_options_t:
        const plait_crop_sampler_t *samplers
        int64_t sampler_count
        double crop_probability
        int32_t keep_by_overlap
        int32_t resize_mode
        double min_kept
        double pad[2]
        double hue[2]
        double lightness[2]
        double saturation[2]
        double contrast[2]
        double mirror
        double pad_value
    ctypedef struct plait_image_reader_options_t:
        uint32_t struct_size
        int32_t dtype
        int64_t channels
        int64_t height
        int64_t width
        int64_t label_width
        int64_t batch_size
        int64_t threads
        int64_t prefetch
        int64_t resize
        int64_t pad
        int32_t fill_value
        int32_t interpolation
        int32_t rand_crop
        int32_t sized_crop
        int32_t skip_broken
        int32_t reserved
        double min_area
        double max_area
        double min_ratio
        double max_ratio
        double mirror
        double brightness
        double contrast
        double saturation
        double hue
        double pca_noise
        double scale
        double mean[3]
        double std[3]
        double angle[2]
        double max_shear
        double stretch[2]
        double zoom[2]
        int64_t min_size
        int64_t max_size
        int64_t min_crop
        int64_t max_crop
        double random_h
        double random_l
        double random_s
        double max_contrast
        double max_illumination
        const float *mean_image
        const plait_detection_options_t *detection
        int64_t list_count
        const uint64_t *list_ids
        const int64_t *list_begin
        const float *list_labels
    cdef struct plait_image_reader_s
    ctypedef plait_image_reader_s *plait_image_reader_t
    plait_status_t plait_image_reader_new(const char *path, const plait_image_reader_options_t *options, plait_image_reader_t *out)
    plait_status_t plait_image_reader_from_text(char **names, char **values, int32_t count, const plait_image_reader_options_t *extras, plait_image_reader_t *out)
    void plait_image_reader_free(plait_image_reader_t reader)
    plait_status_t plait_image_reader_start(plait_image_reader_t reader, const int64_t *offsets, int64_t count, uint64_t seed)
    plait_status_t plait_image_reader_next(plait_image_reader_t reader, plait_array_t *data, plait_array_t *label, plait_array_t *index, int64_t *rows)
    int64_t plait_image_reader_skipped(plait_image_reader_t reader)
    cdef struct plait_iter_s
    ctypedef plait_iter_s *plait_iter_t
    plait_status_t plait_iter_kinds(plait_buffer_t *out)
    plait_status_t plait_iter_new(const char *kind, char **names, char **values, int32_t count, plait_iter_t *out)
    plait_status_t plait_iter_from_arrays(plait_array_t data, plait_array_t label, char **names, char **values, int32_t count, plait_iter_t *out)
    void plait_iter_free(plait_iter_t iter)
    plait_status_t plait_iter_reset(plait_iter_t iter)
    plait_status_t plait_iter_next(plait_iter_t iter, plait_array_t *data, plait_array_t *label, plait_array_t *index, int64_t *pad)
    cdef struct plait_symbol_s
    ctypedef plait_symbol_s *plait_symbol_t
    ctypedef enum plait_names_t:
        PLAIT_NAMES_ARGUMENTS
        PLAIT_NAMES_AUXILIARY_STATES
        PLAIT_NAMES_INPUTS
        PLAIT_NAMES_OUTPUTS
    plait_status_t plait_symbol_variable(const char *name, plait_symbol_t *out)
    plait_status_t plait_symbol_apply(plait_op_t op, const char *name, const plait_symbol_t *inputs, char **input_names, int32_t num_inputs, char **attr_names, const plait_value_t *attr_values, int32_t num_attrs, plait_symbol_t *out)
    plait_status_t plait_symbol_group(const plait_symbol_t *parts, int32_t num_parts, plait_symbol_t *out)
    plait_status_t plait_symbol_from_json(const char *text, int64_t bytes, plait_symbol_t *out)
    plait_status_t plait_symbol_to_json(plait_symbol_t symbol, plait_buffer_t *out)
    void plait_symbol_free(plait_symbol_t symbol)
    int32_t plait_symbol_num_outputs(plait_symbol_t symbol)
    const char *plait_symbol_name(plait_symbol_t symbol)
    plait_status_t plait_symbol_output(plait_symbol_t symbol, int32_t index, plait_symbol_t *out)
    plait_status_t plait_symbol_internals(plait_symbol_t symbol, plait_symbol_t *out)
    plait_status_t plait_symbol_children(plait_symbol_t symbol, plait_symbol_t *out)
    plait_status_t plait_symbol_names(plait_symbol_t symbol, plait_names_t which, plait_buffer_t *out)
    plait_status_t plait_symbol_attrs(plait_symbol_t symbol, plait_buffer_t *out)
    plait_status_t plait_symbol_set_attr(plait_symbol_t symbol, const char *key, const char *value)
    plait_status_t plait_symbol_set_value(plait_symbol_t symbol, plait_array_t value)
    plait_status_t plait_symbol_value(plait_symbol_t symbol, plait_array_t *value)
    plait_status_t plait_symbol_compose(plait_symbol_t symbol, char **names, const plait_symbol_t *replacements, int32_t count, plait_symbol_t *out)
    plait_status_t plait_symbol_rename(plait_symbol_t symbol, const char *name, plait_symbol_t *out)
    int32_t plait_symbol_is_same(plait_symbol_t a, plait_symbol_t b)
    plait_status_t plait_symbol_cut(plait_symbol_t symbol, const char *key, const char *value, plait_symbol_t *body, plait_symbol_t *outer)
    plait_status_t plait_symbol_infer(plait_symbol_t symbol, const char *given, plait_buffer_t *out)
    cdef struct plait_graph_s
    ctypedef plait_graph_s *plait_graph_t
    plait_status_t plait_graph_new(plait_symbol_t symbol, plait_graph_t *out)
    void plait_graph_free(plait_graph_t graph)
    plait_status_t plait_graph_call(plait_graph_t graph, const plait_array_t *inputs, int32_t num_inputs, plait_array_t *outputs, int32_t capacity, int32_t *num_outputs)
    plait_status_t plait_graph_explain(plait_graph_t graph, plait_buffer_t *out)
    cdef struct plait_trace_s
    ctypedef plait_trace_s *plait_trace_t
    plait_status_t plait_trace_begin(plait_trace_t *out)
    plait_status_t plait_trace_variable(plait_trace_t trace, const char *name, plait_array_t array)
    plait_status_t plait_trace_argument(plait_trace_t trace, const char *name, plait_array_t array)
    plait_status_t plait_trace_end(plait_trace_t trace, const plait_array_t *outputs, int32_t count, plait_symbol_t *out)
    plait_status_t plait_trace_steps(plait_trace_t trace, const plait_array_t *outputs, int32_t count, plait_buffer_t *out)
    int32_t plait_trace_num_captured(plait_trace_t trace)
    plait_status_t plait_trace_captured(plait_trace_t trace, int32_t index, plait_array_t *array)
    void plait_trace_free(plait_trace_t trace)
    plait_status_t plait_graph_passes(plait_buffer_t *out)
    plait_status_t plait_graph_set_pass(const char *name, int32_t on, int32_t *was)
    plait_status_t plait_graph_set_memory_target(double target, double *was)
    cdef struct plait_predictor_s
    ctypedef plait_predictor_s *plait_predictor_t
    plait_status_t plait_predictor_load(const char *symbol_path, const char *params_path, plait_predictor_t *out)
    plait_status_t plait_predictor_load_buffer(const char *symbol, int64_t symbol_bytes, const void *params, int64_t params_bytes, plait_predictor_t *out)
    plait_status_t plait_predictor_clone(plait_predictor_t predictor, plait_predictor_t *out)
    void plait_predictor_free(plait_predictor_t predictor)
    int32_t plait_predictor_num_inputs(plait_predictor_t predictor)
    const char *plait_predictor_input_name(plait_predictor_t predictor, int32_t index)
    int32_t plait_predictor_num_outputs(plait_predictor_t predictor)
    const char *plait_predictor_output_name(plait_predictor_t predictor, int32_t index)
    plait_status_t plait_predictor_set_input(plait_predictor_t predictor, const char *name, plait_array_t array)
    plait_status_t plait_predictor_run(plait_predictor_t predictor)
    plait_status_t plait_predictor_output(plait_predictor_t predictor, int32_t index, plait_array_t *out)
    cdef struct plait_kvstore_s
    ctypedef plait_kvstore_s *plait_kvstore_t
    ctypedef plait_status_t (*plait_updater_t)(void *user, const char *key, plait_array_t sum, plait_array_t value) noexcept
    plait_status_t plait_kvstore_new(const char *type, plait_kvstore_t *out)
    void plait_kvstore_free(plait_kvstore_t kvstore)
    const char *plait_kvstore_type(plait_kvstore_t kvstore)
    int32_t plait_kvstore_rank(plait_kvstore_t kvstore)
    int32_t plait_kvstore_num_workers(plait_kvstore_t kvstore)
    plait_status_t plait_kvstore_barrier(plait_kvstore_t kvstore)
    plait_status_t plait_kvstore_init(plait_kvstore_t kvstore, const char *key, plait_array_t value)
    plait_status_t plait_kvstore_push(plait_kvstore_t kvstore, const char *key, const plait_array_t *arrays, int32_t count)
    plait_status_t plait_kvstore_pull(plait_kvstore_t kvstore, const char *key, const plait_array_t *arrays, int32_t count)
    plait_status_t plait_kvstore_set_updater(plait_kvstore_t kvstore, plait_updater_t update, plait_drop_t drop, void *user)
    plait_status_t plait_kvstore_set_concurrent_updater(plait_kvstore_t kvstore, plait_updater_t update, plait_drop_t drop, void *user)
    cdef struct plait_comm_s
    ctypedef plait_comm_s *plait_comm_t
    ctypedef enum plait_reduction_t:
        PLAIT_REDUCE_SUM
        PLAIT_REDUCE_PROD
        PLAIT_REDUCE_MIN
        PLAIT_REDUCE_MAX
    ctypedef struct plait_comm_options_t:
        uint32_t struct_size
        int32_t priority
        int32_t wait
        int32_t no_limit
        const char *name
    plait_status_t plait_comm_new_group(int32_t size, plait_comm_t *out)
    plait_status_t plait_comm_new_world(const void *mpi_comm, plait_comm_t *out)
    int32_t plait_comm_started()
    plait_status_t plait_comm_split(plait_comm_t comm, int64_t color, int64_t key, plait_comm_t *out)
    void plait_comm_free(plait_comm_t comm)
    int32_t plait_comm_rank(plait_comm_t comm)
    int32_t plait_comm_size(plait_comm_t comm)
    plait_status_t plait_comm_allreduce(plait_comm_t comm, plait_array_t data, plait_reduction_t reduction, const plait_comm_options_t *options)
    plait_status_t plait_comm_allreduce_list(plait_comm_t comm, const plait_array_t *data, int32_t count, plait_reduction_t reduction, const plait_comm_options_t *options)
    plait_status_t plait_comm_broadcast(plait_comm_t comm, plait_array_t data, int32_t root, const plait_comm_options_t *options)
    plait_status_t plait_comm_allgather(plait_comm_t comm, plait_array_t mine, plait_array_t all, const int64_t *counts, const plait_comm_options_t *options)
    plait_status_t plait_comm_reduce_scatter(plait_comm_t comm, plait_array_t all, plait_array_t mine, plait_reduction_t reduction, const plait_comm_options_t *options)
    plait_status_t plait_comm_all_to_all(plait_comm_t comm, plait_array_t source, plait_array_t target, const int64_t *send_counts, const int64_t *receive_counts, const plait_comm_options_t *options)
    plait_status_t plait_comm_send(plait_comm_t comm, plait_array_t data, int32_t peer, int32_t channel, const plait_comm_options_t *options)
    plait_status_t plait_comm_receive(plait_comm_t comm, plait_array_t data, int32_t peer, int32_t channel, const plait_comm_options_t *options)
    plait_status_t plait_comm_barrier(plait_comm_t comm)
    plait_status_t plait_comm_pending(plait_comm_t comm, plait_buffer_t *out)
    plait_status_t plait_comm_abort(plait_comm_t comm, const char *reason)
    plait_status_t plait_comm_kill(plait_comm_t comm)
    plait_status_t plait_comm_share_batches(plait_comm_t comm)
    int64_t plait_handle_live_count()
