/* plait: the C interface. This header is the contract; everything else stands on it.
 *
 *   int64_t shape[2] = {2, 3};
 *   float ones[6] = {1, 1, 1, 1, 1, 1};
 *   plait_array_t a = NULL, sum[1] = {NULL};
 *   int32_t n = 0;
 *   plait_op_t add = NULL;
 *   plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
 *   plait_array_from_data(ones, shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &a);
 *   plait_op_find("add", &add);
 *   plait_array_t in[2] = {a, a};
 *   if (plait_op_invoke(add, in, 2, NULL, 0, 0, sum, 1, &n) != PLAIT_OK) puts(plait_last_error());
 *   plait_array_copy_to_host(sum[0], ones, sizeof ones);
 *
 * Rules for all functions
 * - Results come last, through pointers, and are written only on success.
 * - A function that can fail returns a status; plait_last_error() has the message. The others
 *   return their value. A NULL where an object or a place for a result is required gives
 *   PLAIT_ERR_INVALID_ARGUMENT, or from a function without status -1, 0 or NULL.
 * - Ownership: "new" means that the caller frees it with the function named there; "borrowed" that
 *   it is valid while the named object lives; "static" that it is valid for ever. `_free(NULL)`
 *   does nothing.
 * - Any function may be called from any thread. Functions marked @blocking may wait or compute for
 *   long: a language with a global lock releases it around them.
 * - Operations return before their results are there. Reading waits; an error in between comes out
 *   of the first call that reads the result.
 */
#ifndef PLAIT_C_API_H_
#define PLAIT_C_API_H_

#ifndef PLAIT_NO_STD_INCLUDES
#include <stdint.h>
#endif

#include "plait/dlpack.h"

#ifndef PLAIT_API
#if defined(__GNUC__)
#define PLAIT_API __attribute__((visibility("default")))
#else
#define PLAIT_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- version ------------------------------------------------------------------------------- */

/* Raised whenever a released declaration of this header changes. */
#define PLAIT_ABI_VERSION 1

/* PLAIT_ABI_VERSION of the library that is loaded. @since 0.1 */
PLAIT_API int32_t plait_abi_version(void);

/* Version of the library, such as "0.1.0". static. @since 0.1 */
PLAIT_API const char* plait_version(void);

/* What this build and this machine have, as "NAME=1" or "NAME=0" separated by spaces, with MXNet's
 * names, such as "BLAS_OPEN=1 CUDA=0". static. @since 0.1 */
PLAIT_API const char* plait_features(void);

/* ---- errors -------------------------------------------------------------------------------- */

typedef enum plait_status_t {
  PLAIT_OK = 0,
  PLAIT_ERR_INVALID_ARGUMENT = 1, /* a value outside its rule */
  PLAIT_ERR_TYPE = 2,             /* wrong dtype or kind of object */
  PLAIT_ERR_SHAPE = 3,            /* shapes that do not fit */
  PLAIT_ERR_INDEX = 4,            /* axis or index out of range */
  PLAIT_ERR_KEY = 5,              /* unknown name */
  PLAIT_ERR_NOT_IMPLEMENTED = 6,  /* not built in, or no kernel for the dtype */
  PLAIT_ERR_OUT_OF_MEMORY = 7,
  PLAIT_ERR_IO = 8,        /* files */
  PLAIT_ERR_DEVICE = 9,    /* CUDA */
  PLAIT_ERR_COMM = 10,     /* communication between processes */
  PLAIT_ERR_CALLBACK = 11, /* a user's function failed */
  PLAIT_ERR_INTERNAL = 99  /* a bug of the library */
} plait_status_t;

/* What went wrong in the last call of this thread that failed; "" if none did. Successful calls
 * leave it alone. borrowed: valid until the next failure in this thread. @since 0.1 */
PLAIT_API const char* plait_last_error(void);

/* Sets that message: for callbacks that are about to return an error. @since 0.1 */
PLAIT_API void plait_set_last_error(const char* message);

/* Name of a status, such as "PLAIT_ERR_SHAPE"; "PLAIT_ERR_UNKNOWN" for other numbers. static.
 * @since 0.1 */
PLAIT_API const char* plait_status_name(plait_status_t status);

/* A status in words, such as "shapes do not fit". static. @since 0.1 */
PLAIT_API const char* plait_status_text(plait_status_t status);

/* ---- buffers ------------------------------------------------------------------------------- */

/* Bytes that a function made: a file in memory, JSON text. */
typedef struct plait_buffer_s* plait_buffer_t;

/* The bytes, followed by a zero byte that does not count. borrowed from buffer. @since 0.1 */
PLAIT_API const char* plait_buffer_data(plait_buffer_t buffer);

/* Number of bytes. @since 0.1 */
PLAIT_API int64_t plait_buffer_size(plait_buffer_t buffer);

/* @since 0.1 */
PLAIT_API void plait_buffer_free(plait_buffer_t buffer);

/* ---- arrays -------------------------------------------------------------------------------- */

#define PLAIT_MAX_NDIM 32

/* Element types. The numbers are those of MXNet's files. */
typedef enum plait_dtype_t {
  PLAIT_DTYPE_FLOAT32 = 0,
  PLAIT_DTYPE_FLOAT64 = 1,
  PLAIT_DTYPE_FLOAT16 = 2,
  PLAIT_DTYPE_UINT8 = 3,
  PLAIT_DTYPE_INT32 = 4,
  PLAIT_DTYPE_INT8 = 5,
  PLAIT_DTYPE_INT64 = 6,
  PLAIT_DTYPE_BOOL = 7,
  PLAIT_DTYPE_INT16 = 8,
  PLAIT_DTYPE_UINT16 = 9,
  PLAIT_DTYPE_UINT32 = 10,
  PLAIT_DTYPE_UINT64 = 11,
  PLAIT_DTYPE_BFLOAT16 = 12,
  PLAIT_DTYPE_COMPLEX64 = 13, /* real and imaginary part, each float32 */
  PLAIT_DTYPE_COMPLEX128 = 14 /* the same of float64 */
} plait_dtype_t;

/* Kinds of places. The numbers are those of MXNet's files. */
typedef enum plait_device_kind_t {
  PLAIT_DEVICE_CPU = 1,
  PLAIT_DEVICE_GPU = 2,
  PLAIT_DEVICE_CPU_PINNED = 3,
  PLAIT_DEVICE_CPU_SHARED = 5
} plait_device_kind_t;

typedef struct plait_device_t {
  int32_t kind; /* a plait_device_kind_t */
  int32_t id;
} plait_device_t;

/* An array: shape, dtype and place are fixed, content is not. Free with plait_array_free(). */
typedef struct plait_array_s* plait_array_t;

/* A call-back that ends the library's use of `user`. May be NULL where it is a parameter. */
typedef void (*plait_drop_t)(void* user);

/* An array with undefined content. `shape` has `ndim` sizes, each >= 0; NULL with ndim 0. new.
 * Fails: SHAPE, TYPE, DEVICE, OUT_OF_MEMORY. @since 0.1 */
PLAIT_API plait_status_t plait_array_empty(const int64_t* shape, int32_t ndim, plait_dtype_t dtype,
                                           plait_device_t device, plait_array_t* out);

/* An array with a copy of host memory. `strides` counts elements; NULL: row-major. new.
 * Fails: as plait_array_empty(). @since 0.1 */
PLAIT_API plait_status_t plait_array_from_data(const void* data, const int64_t* shape,
                                               const int64_t* strides, int32_t ndim,
                                               plait_dtype_t dtype, plait_device_t device,
                                               plait_array_t* out);

/* An array on memory that the caller owns, without a copy. `drop(user)` is called once, from any
 * thread, when no array uses the memory any more; also on failure. `data` must be aligned for the
 * dtype. If `read_only` is not 0, operators refuse to write to the array. new.
 * Fails: SHAPE, TYPE, INVALID_ARGUMENT. @since 0.1 */
PLAIT_API plait_status_t plait_array_from_memory(void* data, const int64_t* shape,
                                                 const int64_t* strides, int32_t ndim,
                                                 plait_dtype_t dtype, plait_device_t device,
                                                 int32_t read_only, plait_drop_t drop, void* user,
                                                 plait_array_t* out);

/* Ends this handle's use of the array. Never waits. @since 0.1 */
PLAIT_API void plait_array_free(plait_array_t array);

/* One more handle of the same array: each of them is freed. Returns `array`. @since 0.1 */
PLAIT_API plait_array_t plait_array_retain(plait_array_t array);

/* Another array on the same memory, cut off from the recording of gradients. new. @since 0.1 */
PLAIT_API plait_status_t plait_array_detach(plait_array_t array, plait_array_t* out);

/* Number of axes. @since 0.1 */
PLAIT_API int32_t plait_array_ndim(plait_array_t array);

/* Sizes of the axes. borrowed from array. @since 0.1 */
PLAIT_API const int64_t* plait_array_shape(plait_array_t array);

/* Steps of the axes, in elements. borrowed from array. @since 0.1 */
PLAIT_API const int64_t* plait_array_strides(plait_array_t array);

/* Number of elements. @since 0.1 */
PLAIT_API int64_t plait_array_size(plait_array_t array);

/* Bytes of all elements. @since 0.1 */
PLAIT_API int64_t plait_array_nbytes(plait_array_t array);

/* A plait_dtype_t. @since 0.1 */
PLAIT_API int32_t plait_array_dtype(plait_array_t array);

/* Where the memory is. @since 0.1 */
PLAIT_API plait_device_t plait_array_device(plait_array_t array);

/* 1 if the elements lie in row-major order without gaps. @since 0.1 */
PLAIT_API int32_t plait_array_is_contiguous(plait_array_t array);

/* 1 if the memory must not be written. @since 0.1 */
PLAIT_API int32_t plait_array_is_read_only(plait_array_t array);

/* How often the memory was written since it exists. @since 0.1 */
PLAIT_API int64_t plait_array_version(plait_array_t array);

/* 1 if both lie in the same piece of memory: then a write to one may change the other. @since 0.1
 */
PLAIT_API int32_t plait_array_shares_memory(plait_array_t a, plait_array_t b);

/* Address of the first element, after a wait. With `write` not 0 for writing: also waits for the
 * readers and counts as a write. borrowed from array: use it before the next operation on it.
 * Fails: INVALID_ARGUMENT if read-only, and with what computing the content failed. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_array_data(plait_array_t array, int32_t write, void** data);

/* Waits until the content is there. Fails with what computing it failed. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_wait_to_read(plait_array_t array);

/* Waits until nobody reads or writes the content. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_wait_to_write(plait_array_t array);

/* Fills the array from `bytes` bytes of host memory in row-major order; `bytes` must be those of
 * the array. Fails: INVALID_ARGUMENT. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_copy_from_host(plait_array_t array, const void* data,
                                                    int64_t bytes);

/* Writes the content to host memory in row-major order; `bytes` must be those of the array.
 * Fails: INVALID_ARGUMENT, and with what computing the content failed. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_copy_to_host(plait_array_t array, void* data, int64_t bytes);

/* Copies the content of `from` into `to`, an array of the same shape; converts the dtype.
 * Fails: SHAPE, INVALID_ARGUMENT if `to` is read-only. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_copy_to(plait_array_t from, plait_array_t to);

/* The array for another library, after a wait. new: freed by its own deleter. Shares the memory.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_to_dlpack(plait_array_t array,
                                               struct DLManagedTensorVersioned** tensor);

/* The same in the form before DLPack 1.0, which cannot say "read-only": such arrays fail with
 * INVALID_ARGUMENT. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_array_to_dlpack_old(plait_array_t array,
                                                   struct DLManagedTensor** tensor);

/* An array on another library's memory; takes over `tensor` on success. new.
 * Fails: NOT_IMPLEMENTED (version), TYPE, DEVICE, SHAPE. @since 0.1 */
PLAIT_API plait_status_t plait_array_from_dlpack(struct DLManagedTensorVersioned* tensor,
                                                 plait_array_t* out);

/* The same from the form before DLPack 1.0. @since 0.1 */
PLAIT_API plait_status_t plait_array_from_dlpack_old(struct DLManagedTensor* tensor,
                                                     plait_array_t* out);

/* Arrays that exist now: for leak checks. @since 0.1 */
PLAIT_API int64_t plait_array_live_count(void);

/* ---- operators ----------------------------------------------------------------------------- */

/* An operator of the library. static. */
typedef const struct plait_op_s* plait_op_t;

/* Kinds of values of attributes. */
typedef enum plait_value_kind_t {
  PLAIT_VALUE_NONE = 0, /* not given: the default, or None where that is legal */
  PLAIT_VALUE_BOOL = 1,
  PLAIT_VALUE_INT = 2,
  PLAIT_VALUE_FLOAT = 3,
  PLAIT_VALUE_STRING = 4, /* also names of dtypes, and any other kind in Python's spelling */
  PLAIT_VALUE_INTS = 5,
  PLAIT_VALUE_FLOATS = 6
} plait_value_kind_t;

/* Stands for None among the elements of PLAIT_VALUE_INTS, where an operator allows it. */
#define PLAIT_NONE_INT INT64_MIN

/* The value of one attribute. What it points to is only read during the call. */
typedef struct plait_value_t {
  int32_t kind; /* a plait_value_kind_t: which member of `as` counts */
  int32_t size; /* number of elements of ints or floats */
  union {
    int64_t integer; /* INT, and BOOL as 0 or 1 */
    double real;
    const char* string; /* UTF-8 with a zero byte at the end */
    const int64_t* ints;
    const double* floats;
  } as;
} plait_value_t;

/* What is known of an array before it exists. */
typedef struct plait_spec_t {
  int32_t dtype; /* a plait_dtype_t */
  int32_t ndim;
  int64_t shape[PLAIT_MAX_NDIM];
} plait_spec_t;

/* The operator of this name. Fails: KEY, with near names in the message. @since 0.1 */
PLAIT_API plait_status_t plait_op_find(const char* name, plait_op_t* op);

/* The operator that a surface ("nd", "sym", "np", "npx", "r") shows under `name`.
 * Fails: KEY. @since 0.1 */
PLAIT_API plait_status_t plait_op_find_on(const char* surface, const char* name, plait_op_t* op);

/* Number of operators. @since 0.1 */
PLAIT_API int32_t plait_op_count(void);

/* Operator number `index` of plait_op_count(), in no particular order; NULL outside. @since 0.1 */
PLAIT_API plait_op_t plait_op_at(int32_t index);

/* Name of the operator. static. @since 0.1 */
PLAIT_API const char* plait_op_name(plait_op_t op);

/* All about the operator as JSON text: name, doc, source, file, line, inputs and outputs,
 * attributes (name, type, doc, default, choices, optional, required), surfaces, flags. static.
 * @since 0.1 */
PLAIT_API plait_status_t plait_op_describe(plait_op_t op, const char** json);

/* Position of the attribute `name` among the attributes of the operator.
 * Fails: KEY, with the known names in the message. @since 0.1 */
PLAIT_API plait_status_t plait_op_attr_index(plait_op_t op, const char* name, int32_t* index);

/* 1 if the operator can run on devices of a plait_device_kind_t, 0 if it has no kernel for them;
 * -1 for other numbers and for NULL. Kernels for a gpu come from a library that is loaded when it
 * is first asked for, see plait_device_count(). @since 0.1 */
PLAIT_API int32_t plait_op_runs_on(plait_op_t op, int32_t kind);

/* Flags of plait_op_invoke(). */
typedef enum plait_invoke_flag_t {
  PLAIT_INVOKE_VIEW = 1, /* the result may share memory with the input */
  /* Do it only if it takes a few microseconds and has not to wait; otherwise do nothing, succeed
   * and set the number of outputs to 0. A language with a global lock keeps it around such a call.
   */
  PLAIT_INVOKE_NOW = 2,
  PLAIT_INVOKE_HIDDEN = 4 /* outputs that are not part of the visible result are given as well */
} plait_invoke_flag_t;

/* Runs an operator on arrays and, while recording, remembers it for gradients.
 *
 * inputs   `num_inputs` arrays; a NULL stands for an optional input that is left out.
 * attrs    values of the first `num_attrs` attributes in the order of plait_op_describe(); the
 *          others have their default.
 * flags    sum of plait_invoke_flag_t.
 * outputs  `capacity` places. A place that holds an array on entry is written into; a NULL becomes
 *          new. Only visible outputs are counted and returned.
 * num_outputs  how many there are. Also written if `capacity` is too small; then the call fails
 *          with INVALID_ARGUMENT before anything is done.
 *
 * Fails: with what the operator rejects. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_op_invoke(plait_op_t op, const plait_array_t* inputs,
                                         int32_t num_inputs, const plait_value_t* attrs,
                                         int32_t num_attrs, int32_t flags, plait_array_t* outputs,
                                         int32_t capacity, int32_t* num_outputs);

/* Shapes and dtypes of the visible outputs; `specs` has `capacity` places and `num_outputs` is as
 * above. Fails: with what the operator rejects. @since 0.1 */
PLAIT_API plait_status_t plait_op_infer(plait_op_t op, const plait_spec_t* inputs,
                                        int32_t num_inputs, const plait_value_t* attrs,
                                        int32_t num_attrs, plait_spec_t* specs, int32_t capacity,
                                        int32_t* num_outputs);

/* ---- random numbers ------------------------------------------------------------------------ */

/* Restarts the random stream. The same seed and the same calls give the same numbers, whatever the
 * number of threads. @since 0.1 */
PLAIT_API plait_status_t plait_random_seed(uint64_t seed);

/* Where the random stream stands: what plait_random_set_position() takes to draw the same numbers
 * once more. Both are written on success. @since 0.1 */
PLAIT_API plait_status_t plait_random_get_position(uint64_t* seed, uint64_t* offset);

/* Lets the random stream go on from a position that plait_random_get_position() gave. @since 0.1 */
PLAIT_API plait_status_t plait_random_set_position(uint64_t seed, uint64_t offset);

/* ---- sparse arrays ------------------------------------------------------------------------- */

/* How the elements of an array are stored. The numbers are those of MXNet's files. */
typedef enum plait_storing_t {
  PLAIT_STORING_ROW_SPARSE = 1, /* whole rows: values (n, ...), indices (n,) */
  PLAIT_STORING_CSR = 2         /* elements of a matrix: values (n,), indices (n,), indptr */
} plait_storing_t;

/* An array of which some parts are stored in dense arrays: values, int64 indices that ascend, and
 * for PLAIT_STORING_CSR int64 indptr: row r has the elements from indptr[r] to indptr[r + 1]. The
 * rest is 0. Shape, dtype and storing are fixed. Free with plait_sparse_free(). */
typedef struct plait_sparse_s* plait_sparse_t;

/* A sparse array of these parts, which it shares; numbers in them are not looked at, see
 * plait_sparse_check(). new. Fails: SHAPE, TYPE, INVALID_ARGUMENT. @since 0.1 */
PLAIT_API plait_status_t plait_sparse_new(int32_t storing, const int64_t* shape, int32_t ndim,
                                          const plait_array_t* parts, int32_t num_parts,
                                          plait_sparse_t* out);

/* One that stores nothing. new. Fails: SHAPE, TYPE. @since 0.1 */
PLAIT_API plait_status_t plait_sparse_zeros(int32_t storing, const int64_t* shape, int32_t ndim,
                                            plait_dtype_t dtype, plait_sparse_t* out);

/* The elements, or rows, of a dense array that are not 0. new. Fails: SHAPE. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_sparse_from_array(plait_array_t array, int32_t storing,
                                                 plait_sparse_t* out);

/* The dense array. new. Fails: INDEX and INVALID_ARGUMENT, when it is read, for indices that do not
 * fit. @since 0.1 */
PLAIT_API plait_status_t plait_sparse_to_array(plait_sparse_t sparse, plait_array_t* out);

/* @since 0.1 */
PLAIT_API void plait_sparse_free(plait_sparse_t sparse);

/* A plait_storing_t; -1 for NULL. @since 0.1 */
PLAIT_API int32_t plait_sparse_storing(plait_sparse_t sparse);

/* A plait_dtype_t; -1 for NULL. @since 0.1 */
PLAIT_API int32_t plait_sparse_dtype(plait_sparse_t sparse);

/* Number of axes; -1 for NULL. @since 0.1 */
PLAIT_API int32_t plait_sparse_ndim(plait_sparse_t sparse);

/* Sizes of the axes. borrowed from sparse. @since 0.1 */
PLAIT_API const int64_t* plait_sparse_shape(plait_sparse_t sparse);

/* Part number `index`: values, indices, indptr. new. Fails: INDEX. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_sparse_part(plait_sparse_t sparse, int32_t index,
                                           plait_array_t* out);

/* Values and row numbers of a row-sparse array as backward wrote them: in any order, and what has
 * one number counts as its sum. At once, while plait_sparse_part() may have to add up first.
 * new. Fails: TYPE. @since 0.1 */
PLAIT_API plait_status_t plait_sparse_rows(plait_sparse_t sparse, plait_array_t* values,
                                           plait_array_t* index);

/* Other parts in place of all of them. Fails: as plait_sparse_new(). @since 0.1 */
PLAIT_API plait_status_t plait_sparse_assign(plait_sparse_t sparse, const plait_array_t* parts,
                                             int32_t num_parts);

/* Fails unless all indices are in range and ascend, and indptr fits: INDEX, INVALID_ARGUMENT.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_sparse_check(plait_sparse_t sparse);

/* Sum of arrays of one shape, dtype and storing. new. Fails: SHAPE, TYPE. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_sparse_sum(const plait_sparse_t* items, int32_t count,
                                          plait_sparse_t* out);

/* Product of two, element by element. new. Fails: SHAPE, TYPE. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_sparse_multiply(plait_sparse_t lhs, plait_sparse_t rhs,
                                               plait_sparse_t* out);

/* Row-sparse from rows in any order: those with equal numbers add up. new. Fails: SHAPE, TYPE.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_sparse_merge_rows(plait_array_t values, plait_array_t index,
                                                 const int64_t* shape, int32_t ndim,
                                                 plait_sparse_t* out);

/* ---- gradients ----------------------------------------------------------------------------- */

/* What happens to the gradient of an array. The numbers are MXNet's. */
typedef enum plait_grad_req_t {
  PLAIT_GRAD_NULL = 0,  /* none is computed */
  PLAIT_GRAD_WRITE = 1, /* replaces the content of the gradient array */
  PLAIT_GRAD_ADD = 3    /* is added to it */
} plait_grad_req_t;

/* Whether this thread records operations for gradients; and whether operators behave as in
 * training. The setters return the value before. @since 0.1 */
PLAIT_API int32_t plait_autograd_is_recording(void);
PLAIT_API int32_t plait_autograd_is_training(void);
PLAIT_API int32_t plait_autograd_set_recording(int32_t on);
PLAIT_API int32_t plait_autograd_set_training(int32_t on);

/* 1 if gradients can flow into the array: it is marked, or a result of recorded steps. @since 0.1
 */
PLAIT_API int32_t plait_autograd_is_recorded(plait_array_t array);

/* Makes `arrays[i]` a leaf whose gradient is collected in `grads[i]`, an array of the same shape
 * and dtype (NULL with PLAIT_GRAD_NULL). What was recorded for the array before is forgotten.
 * Fails: SHAPE, TYPE. @since 0.1 */
PLAIT_API plait_status_t plait_autograd_mark_variables(const plait_array_t* arrays,
                                                       const plait_array_t* grads,
                                                       const int32_t* grad_reqs, int32_t count);

/* The gradient array of a marked array, and its plait_grad_req_t; NULL and PLAIT_GRAD_NULL if it is
 * not marked. new. @since 0.1 */
PLAIT_API plait_status_t plait_autograd_get_grad(plait_array_t array, plait_array_t* grad,
                                                 int32_t* grad_req);

/* Flags of plait_autograd_backward(). */
typedef enum plait_backward_flag_t {
  PLAIT_BACKWARD_RETAIN = 1, /* keep the recording for another backward pass */
  PLAIT_BACKWARD_CREATE = 2, /* record this pass too, for higher orders */
  PLAIT_BACKWARD_TRAIN = 4   /* operators behave as in training */
} plait_backward_flag_t;

/* Gradients of the sum of `heads`, each weighted with its `head_grads`; NULL (all or one of them)
 * stands for ones. With `num_variables` 0 the results go to the marked arrays by their
 * plait_grad_req_t; otherwise `grads[i]` becomes new: the gradient of `variables[i]`.
 * Fails: INVALID_ARGUMENT if a head was not recorded, CALLBACK if a user's function failed, and
 * with what operators reject. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_autograd_backward(const plait_array_t* heads,
                                                 const plait_array_t* head_grads, int32_t num_heads,
                                                 const plait_array_t* variables,
                                                 int32_t num_variables, int32_t flags,
                                                 plait_array_t* grads);

/* Gradients of the inputs from those of the outputs. `out_grads` are borrowed; NULL means zeros.
 * `in_grads` becomes new, or NULL for none. */
typedef plait_status_t (*plait_backward_t)(void* user, const plait_array_t* out_grads,
                                           int32_t num_out_grads, plait_array_t* in_grads,
                                           int32_t num_in_grads);

/* Records a step whose gradient is the caller's function: `outputs` become its results, gradients
 * flow to `inputs`. `backward` is called in threads that call plait_autograd_backward(); `drop`
 * once when the step is forgotten, in any thread, also on failure. `name` is for messages. @since
 * 0.1 */
PLAIT_API plait_status_t plait_autograd_record(const char* name, const plait_array_t* inputs,
                                               int32_t num_inputs, const plait_array_t* outputs,
                                               int32_t num_outputs, plait_backward_t backward,
                                               plait_drop_t drop, void* user);

/* As plait_autograd_mark_variables() with a row-sparse gradient: backward replaces the parts of
 * `grad` by the rows to which gradients flow. `grad_req` is PLAIT_GRAD_WRITE or PLAIT_GRAD_ADD.
 * Fails: SHAPE, TYPE. @since 0.1 */
PLAIT_API plait_status_t plait_autograd_mark_sparse(plait_array_t array, plait_sparse_t grad,
                                                    int32_t grad_req);

/* The row-sparse gradient of a marked array; NULL if it has none. new. @since 0.1 */
PLAIT_API plait_status_t plait_autograd_get_sparse_grad(plait_array_t array, plait_sparse_t* grad);

/* ---- operators of programs and shared libraries -------------------------------------------- */

/* Contiguous host memory of an array: row-major, valid during a call only. */
typedef struct plait_block_t {
  void* data;
  plait_spec_t spec;
} plait_block_t;

/* An operator as functions. `params` is the text of the call's attribute of that name. A function
 * that fails returns a status after plait_set_last_error(), or the message given to it there.
 * `forward` and `backward` run in any thread, several at a time. */
typedef struct plait_custom_op_t {
  uint32_t struct_size; /* set by the caller: sizeof(plait_custom_op_t) */
  void* user;           /* handed to each function */
  plait_drop_t drop;    /* called once when the operator is replaced; may be NULL */
  plait_status_t (*count)(void* user, const char* params, int32_t* num_inputs,
                          int32_t* num_outputs);
  /* Fills `outputs` from `inputs`, or fails for shapes and dtypes that do not fit. */
  plait_status_t (*infer)(void* user, const char* params, const plait_spec_t* inputs,
                          int32_t num_inputs, plait_spec_t* outputs, int32_t num_outputs);
  /* Fills the memory of `outputs`. */
  plait_status_t (*forward)(void* user, const char* params, int32_t is_train,
                            const plait_block_t* inputs, int32_t num_inputs,
                            const plait_block_t* outputs, int32_t num_outputs);
  /* Fills the memory of `in_grads`, one for each input, from `out_grads`, one for each output. NULL
   * if the operator has no gradient. */
  plait_status_t (*backward)(void* user, const char* params, const plait_block_t* out_grads,
                             const plait_block_t* inputs, int32_t num_inputs,
                             const plait_block_t* outputs, int32_t num_outputs,
                             const plait_block_t* in_grads);
} plait_custom_op_t;

/* Makes an operator known as `op_type` of the operator "custom"; one of that name is replaced.
 * `drop` is called also on failure. Fails: INVALID_ARGUMENT. @since 0.1 */
PLAIT_API plait_status_t plait_custom_register(const char* name, const plait_custom_op_t* op);

/* What an operator may have besides. */
typedef struct plait_custom_more_t {
  uint32_t struct_size; /* set by the caller: sizeof(plait_custom_more_t) */
  /* How many of the inputs, the last ones, are states whose memory `forward` may change. NULL:
   * none.
   */
  plait_status_t (*count_states)(void* user, const char* params, int32_t* num_states);
  /* Fills the shapes of inputs that follow from the others; ndim -1 says that one is not known. May
   * be NULL. */
  plait_status_t (*complete)(void* user, const char* params, plait_spec_t* inputs,
                             int32_t num_inputs);
} plait_custom_more_t;

/* Adds to a registered operator; `user` is that given with it. Fails: INVALID_ARGUMENT, KEY.
 * @since 0.1 */
PLAIT_API plait_status_t plait_custom_extend(const char* name, const plait_custom_more_t* more);

/* How many are registered. @since 0.1 */
PLAIT_API int32_t plait_custom_count(void);

/* Their names, each with a line feed behind. new: plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_custom_names(plait_buffer_t* out);

/* What a shared library exports as "plait_library_init": it compares `abi_version` with
 * PLAIT_ABI_VERSION and calls `register_op`, which is plait_custom_register(), for each of its
 * operators. It need not be linked with this library. */
typedef plait_status_t (*plait_library_init_t)(
    int32_t abi_version, plait_status_t (*register_op)(const char*, const plait_custom_op_t*));

/* Loads a shared library and calls its plait_library_init(). It stays loaded. Fails: IO if it does
 * not load, KEY without that function, CALLBACK if that failed. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_library_load(const char* path);

/* ---- engine -------------------------------------------------------------------------------- */

typedef struct plait_engine_stats_t {
  uint32_t struct_size;  /* set by the caller: sizeof(plait_engine_stats_t) */
  int32_t workers;       /* threads */
  int64_t inlined;       /* operations run in the calling thread */
  int64_t queued;        /* tasks given to the workers */
  int64_t pending;       /* of these, not finished now */
  int64_t bytes_pending; /* memory that they hold */
  int64_t in_caller;     /* tasks run in the calling thread by plait_engine_push() itself */
  int64_t busy_ns;       /* nanoseconds that workers spent in tasks, times the cores of each */
  int64_t uptime_ns;     /* nanoseconds since the workers started */
  int32_t threads;       /* cores for all tasks together */
  int32_t reserved;
} plait_engine_stats_t;

/* Waits for all work. Fails with the first failure that no call has reported yet. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_engine_wait_all(void);

/* @since 0.1 */
PLAIT_API plait_status_t plait_engine_get_stats(plait_engine_stats_t* stats);

/* 1 if every operation runs at once in the calling thread (PLAIT_ENGINE=naive). @since 0.1 */
PLAIT_API int32_t plait_engine_is_serial(void);

/* `interrupted` is called about every 50 ms by threads that wait; if it does not return 0, the wait
 * ends with PLAIT_ERR_CALLBACK. NULL switches it off. @since 0.1 */
PLAIT_API plait_status_t plait_engine_set_interrupt_check(int32_t (*interrupted)(void));

/* Around fork(), always as a pair and by the thread that forks: before_fork() once, then in the
 * parent after_fork_parent(), also if fork() failed, and in the child after_fork_child(). In
 * between, other threads that begin work wait, and what this thread begins is done at once; so a
 * before_fork() without the second call stops the library for ever. pthread_atfork() does it.
 *
 * before_fork() finishes all work, that of other threads as well. If that may need a lock of the
 * caller (an interpreter's), the caller gives it up for the length of the call. In the child arrays
 * keep their content, and the engine starts threads of its own when they are needed. A fork()
 * without these calls is as good if nothing is computed at that moment. The packages for Python and
 * R make these calls themselves. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_engine_before_fork(void);
PLAIT_API plait_status_t plait_engine_after_fork_parent(void);
PLAIT_API plait_status_t plait_engine_after_fork_child(void);

/* Finishes all work; later work runs in the calling thread. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_engine_shutdown(void);

/* Sets the cores for all tasks together, in [1, 1024], after all work is done. At first it is
 * PLAIT_NUM_THREADS or what the process may use. `before`, which may be NULL, gets the number so
 * far. Fails: INVALID_ARGUMENT, and with what plait_engine_wait_all() fails. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_engine_set_num_threads(int32_t threads, int32_t* before);

/* Workers start only when this thread has pushed `size` tasks, or it waits, so that they see how
 * many are ready before they share the cores out; 0 or 1: at once. `before` may be NULL. @since 0.1
 */
PLAIT_API plait_status_t plait_engine_set_bulk_size(int64_t size, int64_t* before);

/* Work of the calling thread that is estimated to take less than `ns` nanoseconds runs in that
 * thread, on all cores, if nothing else runs: for a program that waits for each result. Negative,
 * as at first: a limit of about a millisecond. `before` may be NULL. @since 0.1 */
PLAIT_API plait_status_t plait_engine_set_caller_limit(int64_t ns, int64_t* before);

/* `origin` writes where the calling program stands, such as "train.py:12 in step", into `text` of
 * `capacity` bytes and returns 0. It is called at each operation if PLAIT_TRACE is 1, and the text
 * ends the message of a failure of that operation. NULL switches it off. @since 0.1 */
PLAIT_API plait_status_t plait_engine_set_origin(int32_t (*origin)(char* text, int32_t capacity));

/* ---- tasks --------------------------------------------------------------------------------- */

/* Something that tasks share, with an order of use: many readers or one writer. Free with
 * plait_var_free(), at any time: tasks that name it keep it. */
typedef struct plait_var_s* plait_var_t;

/* The right to end one task that goes on after its function returned. */
typedef struct plait_completion_s* plait_completion_t;

/* A user's work; called once in a thread of the engine or, if its `cost_ns` says that it is short,
 * in one that pushes or waits. `threads` is the number of cores that it may use. On failure it
 * calls plait_set_last_error() and returns a status. It may push, and may wait only for what does
 * not depend on it. */
typedef plait_status_t (*plait_task_t)(void* user, int32_t threads);

/* The same for work that ends later: plait_engine_complete(completion, ...) must be called once,
 * from any thread, unless the function returned a failure. */
typedef plait_status_t (*plait_async_task_t)(void* user, int32_t threads,
                                             plait_completion_t completion);

typedef struct plait_task_options_t {
  uint32_t struct_size; /* set by the caller: sizeof(plait_task_options_t) */
  int32_t priority;     /* larger runs first among tasks that are ready */
  double cost_ns;       /* estimated time on one core in nanoseconds; 0: unknown, taken for long */
  int64_t bytes;        /* memory that it holds: pushes wait while queued tasks hold too much */
  const char* name;     /* for messages and the profiler; copied; NULL: "task" */
} plait_task_options_t;

/* A variable of its own. new. @since 0.1 */
PLAIT_API plait_status_t plait_var_new(plait_var_t* out);

/* The variable of an array's memory, which views share. new; keeps the memory. @since 0.1 */
PLAIT_API plait_status_t plait_var_of_array(plait_array_t array, plait_var_t* out);

/* @since 0.1 */
PLAIT_API void plait_var_free(plait_var_t var);

/* Number of writes that were pushed since it exists. @since 0.1 */
PLAIT_API int64_t plait_var_version(plait_var_t var);

/* Waits until no unfinished task writes the variable or, with `for_write`, reads it. Fails with
 * what its last writer failed with. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_var_wait(plait_var_t var, int32_t for_write);

/* Queues a task that reads and writes these variables; tasks with a variable in common, which one
 * of them writes, run in the order of their pushes. A variable in both lists counts as written. If
 * something that is read has failed, `run` is not called and what is written fails the same way.
 *
 * `drop(user)`, unless NULL, is called once in any thread when the task is gone, also on failure.
 * `options` may be NULL. In serial mode, and if `cost_ns` says that the task is short, it may run
 * before the function returns, which then fails with what `run` returned.
 * Fails: INVALID_ARGUMENT. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_engine_push(plait_task_t run, void* user, plait_drop_t drop,
                                           const plait_var_t* reads, int32_t num_reads,
                                           const plait_var_t* writes, int32_t num_writes,
                                           const plait_task_options_t* options);

/* The same for work that ends with plait_engine_complete(). @blocking @since 0.1 */
PLAIT_API plait_status_t plait_engine_push_async(plait_async_task_t run, void* user,
                                                 plait_drop_t drop, const plait_var_t* reads,
                                                 int32_t num_reads, const plait_var_t* writes,
                                                 int32_t num_writes,
                                                 const plait_task_options_t* options);

/* Ends the task; a status other than PLAIT_OK makes it fail with `message`, which may be NULL. Uses
 * `completion` up. @since 0.1 */
PLAIT_API plait_status_t plait_engine_complete(plait_completion_t completion, plait_status_t status,
                                               const char* message);

/* ---- profiler ------------------------------------------------------------------------------ */

/* What plait_profiler_set_state() records. */
typedef enum plait_profile_t {
  PLAIT_PROFILE_OFF = 0,
  PLAIT_PROFILE_OPERATIONS = 1, /* each operation with its shapes, times, thread and dependencies */
  PLAIT_PROFILE_MEMORY = 2      /* and the bytes in use after it */
} plait_profile_t;

/* Sets what is recorded from now on; what was recorded stays. Fails: INVALID_ARGUMENT.
 * @since 0.1 */
PLAIT_API plait_status_t plait_profiler_set_state(int32_t state);

/* Number of operations recorded and not cleared. @since 0.1 */
PLAIT_API int64_t plait_profiler_count(void);

/* The operations so far as a JSON list of objects: "id", "name", "shapes", "pushed", "begin", "end"
 * (nanoseconds of CLOCK_MONOTONIC), "thread", "cores", "failed", "after" (ids of the operations
 * whose results it used), "bytes" (in use at its end; -1: not recorded). `clear` forgets them. new:
 * plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_profiler_read(int32_t clear, plait_buffer_t* json);

/* ---- devices and memory -------------------------------------------------------------------- */

/* Number of devices of a plait_device_kind_t; -1 for other numbers. Those of kind GPU come from
 * libplait_cuda.so beside this library, or the file that the environment variable
 * PLAIT_DEVICE_LIBRARY names. @since 0.1 */
PLAIT_API int32_t plait_device_count(int32_t kind);

/* Bytes of memory that new arrays can have on the device, and of all its memory; for a CPU that of
 * the machine. Fails: DEVICE if there is none. @since 0.1 */
PLAIT_API plait_status_t plait_device_memory(plait_device_t device, int64_t* available,
                                             int64_t* total);

typedef struct plait_memory_stats_t {
  uint32_t struct_size; /* set by the caller: sizeof(plait_memory_stats_t) */
  int32_t reserved;
  int64_t bytes_in_use; /* held by arrays */
  int64_t bytes_cached; /* kept for later arrays */
  int64_t peak_bytes_in_use;
  int64_t allocations;        /* requests */
  int64_t system_allocations; /* of these, not served from what was kept */
} plait_memory_stats_t;

/* @since 0.1 */
PLAIT_API plait_status_t plait_memory_get_stats(plait_memory_stats_t* stats);

/* Returns the memory that is kept for later arrays to the system. @since 0.1 */
PLAIT_API plait_status_t plait_memory_release(void);

/* Lets the n-th request from now fail with PLAIT_ERR_OUT_OF_MEMORY, for tests of error paths; 0 is
 * the next one, a negative n switches it off. @since 0.1 */
PLAIT_API plait_status_t plait_memory_fail_after(int64_t n);

/* ---- array files --------------------------------------------------------------------------- */

/* Arrays with or without names, as read from a file of MXNet's ".params" format. */
typedef struct plait_archive_s* plait_archive_t;

/* Writes arrays to `path`: first to a temporary name beside it, then renames, so a crash leaves the
 * old file or the new one. `names` may be NULL. Fails: IO, INVALID_ARGUMENT. @blocking @since 0.1
 */
PLAIT_API plait_status_t plait_archive_save(const char* path, const plait_array_t* arrays,
                                            const char* const* names, int32_t count);

/* The same where some arrays are sparse: where `arrays[i]` is NULL, `sparse[i]` is written.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_archive_save_mixed(const char* path, const plait_array_t* arrays,
                                                  const plait_sparse_t* sparse,
                                                  const char* const* names, int32_t count);

/* The same into memory. new: plait_buffer_free(). @blocking @since 0.1 */
PLAIT_API plait_status_t plait_archive_save_buffer(const plait_array_t* arrays,
                                                   const char* const* names, int32_t count,
                                                   plait_buffer_t* out);

/* Reads a file. new: plait_archive_free(). Fails: IO, with the file and the byte where it is
 * corrupt. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_archive_load(const char* path, plait_archive_t* out);

/* The same from memory. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_archive_load_buffer(const void* data, int64_t bytes,
                                                   plait_archive_t* out);

/* Number of arrays. @since 0.1 */
PLAIT_API int32_t plait_archive_count(plait_archive_t archive);

/* Array number `index`, which is dense. new. Fails: INDEX, TYPE. @since 0.1 */
PLAIT_API plait_status_t plait_archive_array(plait_archive_t archive, int32_t index,
                                             plait_array_t* out);

/* Number of the storing of array number `index`: 0 for dense, or a plait_storing_t; -1 if there is
 * no such array. @since 0.1 */
PLAIT_API int32_t plait_archive_storing(plait_archive_t archive, int32_t index);

/* Array number `index`, which is sparse. new. Fails: INDEX, TYPE. @since 0.1 */
PLAIT_API plait_status_t plait_archive_sparse(plait_archive_t archive, int32_t index,
                                              plait_sparse_t* out);

/* Its name; NULL if the arrays have none. borrowed from archive. @since 0.1 */
PLAIT_API const char* plait_archive_name(plait_archive_t archive, int32_t index);

/* @since 0.1 */
PLAIT_API void plait_archive_free(plait_archive_t archive);

/* ---- record files and images --------------------------------------------------------------- */

/* MXNet's `.rec` file, opened for reading. Threads may share it. Free with
 * plait_record_file_free(). */
typedef struct plait_record_file_s* plait_record_file_t;

/* new. Fails: IO. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_file_open(const char* path, plait_record_file_t* out);

/* @since 0.1 */
PLAIT_API void plait_record_file_free(plait_record_file_t file);

/* The record that begins at byte `offset`, and in `next` where the one after it begins: -1 (and
 * NULL) at the end of the file. new: plait_buffer_free(). Fails: IO, with path and offset, for
 * anything but a whole record. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_file_read(plait_record_file_t file, int64_t offset,
                                                plait_buffer_t* record, int64_t* next);

/* Where all records begin: int64 array of shape (n,), read from the headers alone. With `recover`
 * not 0 a fault does not fail: it goes on at the next place where a record may begin. new.
 * Fails: IO, as plait_record_file_read(). @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_file_offsets(plait_record_file_t file, int32_t recover,
                                                   plait_array_t* out);

/* The first place at or after `offset` where a record may begin, to go on after a fault; -1 if
 * there is none. Fails: IO. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_file_find(plait_record_file_t file, int64_t offset,
                                                int64_t* found);

/* MXNet's `.rec` file, opened for writing by one thread. Free with plait_record_writer_free(). */
typedef struct plait_record_writer_s* plait_record_writer_t;

/* Replaces the file. new. Fails: IO. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_writer_open(const char* path, plait_record_writer_t* out);

/* Appends a record of `size` bytes, less than 2^29; `offset` is where it begins.
 * Fails: IO, INVALID_ARGUMENT. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_writer_write(plait_record_writer_t writer, const void* bytes,
                                                   int64_t size, int64_t* offset);

/* Where the next record will begin. @since 0.1 */
PLAIT_API int64_t plait_record_writer_tell(plait_record_writer_t writer);

/* Hands all bytes to the system. Fails: IO. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_record_writer_flush(plait_record_writer_t writer);

/* Closes the file; writes after it fail. Fails: IO, if not all bytes could be kept. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_record_writer_close(plait_record_writer_t writer);

/* Also closes. @since 0.1 */
PLAIT_API void plait_record_writer_free(plait_record_writer_t writer);

/* 1 if this library was built with JPEG and PNG. @since 0.1 */
PLAIT_API int32_t plait_image_has_codecs(void);

/* Decodes JPEG or PNG to a uint8 array of shape (height, width, channels). `color`: 0 gray, 1 RGB,
 * -1 the one to four channels that are stored. `name` stands in messages; NULL: "the image". new.
 * Fails: IO for anything else and for broken images, NOT_IMPLEMENTED. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_image_decode(const void* bytes, int64_t size, const char* name,
                                            int32_t color, plait_array_t* out);

/* Encodes a uint8 array of shape (height, width, channels) as `format` "jpeg" (`quality` 1 to 100)
 * or "png" (`quality` is the level of compression, 0 to 9). new: plait_buffer_free().
 * Fails: TYPE, SHAPE, INVALID_ARGUMENT, NOT_IMPLEMENTED. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_image_encode(plait_array_t image, const char* format,
                                            int32_t quality, plait_buffer_t* out);

/* Changes the size of a uint8 or float32 array of shape (height, width, channels).
 * `interpolation`: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos. new.
 * Fails: TYPE, SHAPE, INVALID_ARGUMENT. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_image_resample(plait_array_t image, int64_t height, int64_t width,
                                              int32_t interpolation, plait_array_t* out);

/* How a part of an image with boxes is drawn. Lengths are shares of the sides of the image; each
 * pair has limits. */
typedef struct plait_crop_sampler_t {
  double scale[2];           /* square root of the area */
  double ratio[2];           /* width by height */
  double overlap[2];         /* of the part and some object: intersection by union */
  double sample_coverage[2]; /* intersection by the part */
  double object_coverage[2]; /* intersection by the object */
  int64_t trials;            /* parts that are tried */
} plait_crop_sampler_t;

/* Changes of images with boxes: labels are the length of a header >= 2, the numbers for each object
 * >= 5, the rest of the header, and for each object its class, left, top, right, bottom and so on.
 * In the pairs of changes the first is the limit, the second the probability. */
typedef struct plait_detection_options_t {
  const plait_crop_sampler_t* samplers;
  int64_t sampler_count;
  double crop_probability;
  int32_t keep_by_overlap; /* 1: objects of which a share of at least `min_kept` lies in the part */
  int32_t resize_mode;     /* 0 to the size of the row, 1 shrunk into it, 2 shrunk or enlarged */
  double min_kept;
  double pad[2]; /* placed on an image that has up to `pad[0]` >= 1 times the sides */
  double hue[2]; /* as random_h below */
  double lightness[2];
  double saturation[2];
  double contrast[2]; /* all values times 1 - x to 1 + x */
  double mirror;      /* probability that left and right are exchanged */
  double pad_value;   /* of labels after the last object */
} plait_detection_options_t;

/* How records become rows of batches, for plait_image_reader_new(). Lengths are in pixels. */
typedef struct plait_image_reader_options_t {
  uint32_t struct_size; /* set by the caller: sizeof(plait_image_reader_options_t) */
  int32_t dtype;        /* of the rows: PLAIT_DTYPE_FLOAT32, UINT8 or INT8 */
  int64_t channels;     /* 1 or 3 (red, green, blue) */
  int64_t height;
  int64_t width;
  int64_t label_width; /* labels of each record that are kept */
  int64_t batch_size;
  int64_t threads;
  int64_t prefetch;      /* batches made before they are asked for */
  int64_t resize;        /* length of the shorter side before cropping; 0: as it is */
  int64_t pad;           /* border around the image, before cropping */
  int32_t fill_value;    /* of the border, and beyond the edges of turned images */
  int32_t interpolation; /* as in plait_image_resample(); 9: cubic to enlarge, area to shrink,
                            linear otherwise; 10: drawn anew each time */
  int32_t rand_crop;     /* 1: the part is at a random place; 0: in the middle */
  int32_t sized_crop;    /* 1: and of random size and ratio */
  int32_t skip_broken;   /* 1: leave out what cannot be read; 0: fail */
  int32_t reserved;
  double min_area; /* share of the image, for sized_crop */
  double max_area;
  double min_ratio; /* width divided by height */
  double max_ratio;
  double mirror;     /* probability that left and right are exchanged */
  double brightness; /* limits of random factors 1 - x to 1 + x */
  double contrast;
  double saturation;
  double hue;       /* limit of a random turn, in half turns */
  double pca_noise; /* deviation of Krizhevsky's noise of colours */
  double scale;     /* a row is ((pixel - mean) * (1 + u) + v) * scale / std, u and v see below */
  double mean[3];
  double std[3];
  double angle[2];   /* limits of a turn before the border, in degrees */
  double max_shear;  /* limit of u in x' = x + u y */
  double stretch[2]; /* limits of height by width of what was a square; zeros: 1 */
  double zoom[2];    /* limits of the factor of all lengths; zeros: 1 */
  int64_t min_size;  /* limits of the sides of the turned image; 0: none */
  int64_t max_size;
  int64_t min_crop; /* limits of the side of a square part, then resized; 0: none */
  int64_t max_crop;
  double random_h; /* limits of what is added to hue, in two degrees */
  double random_l; /* and to lightness and saturation, in 1/255 */
  double random_s;
  double max_contrast;     /* limit of u */
  double max_illumination; /* limit of v */
  /* Shape (channels, height, width), in place of `mean`; or NULL. Copied. */
  const float* mean_image;
  const plait_detection_options_t* detection; /* in place of all changes of place and form but
                                                 `resize`; or NULL. Copied. Rows of labels then
                                                 begin with channels, height and width of the image
                                                 and the number of its labels */
  int64_t list_count;       /* labels in place of those of the records, by the first id of these; */
  const uint64_t* list_ids; /* 0: none. Copied */
  const int64_t* list_begin; /* where the labels of each id begin; one more at the end */
  const float* list_labels;
} plait_image_reader_options_t;

/* Threads that decode the images of a record file ahead of use. Free with
 * plait_image_reader_free(). */
typedef struct plait_image_reader_s* plait_image_reader_t;

/* new. Fails: IO, INVALID_ARGUMENT, TYPE, NOT_IMPLEMENTED without codecs. @since 0.1 */
PLAIT_API plait_status_t plait_image_reader_new(const char* path,
                                                const plait_image_reader_options_t* options,
                                                plait_image_reader_t* out);

/* The same from the options of "ImageRecordIter" as text, see plait_iter_new(); of `extras`, which
 * may be NULL, only what are pointers counts. new. Fails: as plait_image_reader_new(), and KEY for
 * an unknown option. @since 0.1 */
PLAIT_API plait_status_t plait_image_reader_from_text(const char* const* names,
                                                      const char* const* values, int32_t count,
                                                      const plait_image_reader_options_t* extras,
                                                      plait_image_reader_t* out);

/* Ends a pass under way. @blocking @since 0.1 */
PLAIT_API void plait_image_reader_free(plait_image_reader_t reader);

/* Begins a pass over the records at the `count` byte `offsets`, in that order, and drops a pass
 * under way. Random changes depend on `seed` and the place in the pass alone. @since 0.1 */
PLAIT_API plait_status_t plait_image_reader_start(plait_image_reader_t reader,
                                                  const int64_t* offsets, int64_t count,
                                                  uint64_t seed);

/* The next batch: `data` (batch_size, channels, height, width), `label` (batch_size, label_width)
 * float32, `index` (batch_size,) int64, the first id in the header of each record; `rows` of them
 * hold samples, the others repeat these. NULL and 0 at the end of the pass. new.
 * Fails: IO, with path and offset of the record. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_image_reader_next(plait_image_reader_t reader, plait_array_t* data,
                                                 plait_array_t* label, plait_array_t* index,
                                                 int64_t* rows);

/* Records left out since the reader exists; -1 for NULL. @since 0.1 */
PLAIT_API int64_t plait_image_reader_skipped(plait_image_reader_t reader);

/* ---- data iterators ------------------------------------------------------------------------ */

/* Passes over samples in batches. One thread at a time may use it. Free with plait_iter_free(). */
typedef struct plait_iter_s* plait_iter_t;

/* The kinds of iterators over files as JSON [{"name": "MNISTIter", "doc", "options": [{"name",
 * "default", "doc"}]}]; an option whose default is null must be given. new: plait_buffer_free().
 * @since 0.1 */
PLAIT_API plait_status_t plait_iter_kinds(plait_buffer_t* out);

/* An iterator over files: "MNISTIter", "CSVIter", "LibSVMIter", "ImageRecordIter" or
 * "ImageDetRecordIter" with MXNet's options. `names` and `values` have `count` texts such as
 * "batch_size" and "128", "data_shape" and "(3, 32, 32)". new.
 * Fails: KEY for an unknown kind or option, INVALID_ARGUMENT, SHAPE, IO. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_iter_new(const char* kind, const char* const* names,
                                        const char* const* values, int32_t count,
                                        plait_iter_t* out);

/* An iterator over copies of two arrays whose first axes count the samples. Options: "batch_size",
 * "shuffle", "seed", "last_batch_handle" ("pad" or "discard"). new. Fails: as plait_iter_new().
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_iter_from_arrays(plait_array_t data, plait_array_t label,
                                                const char* const* names, const char* const* values,
                                                int32_t count, plait_iter_t* out);

/* @blocking @since 0.1 */
PLAIT_API void plait_iter_free(plait_iter_t iter);

/* Begins the next pass; a new iterator stands at the beginning of one. @since 0.1 */
PLAIT_API plait_status_t plait_iter_reset(plait_iter_t iter);

/* The next batch: `data` (batch_size, ...), `label`, `index` (batch_size,) int64, which samples;
 * the last `pad` of them only fill the batch up. NULL at the end of the pass. new.
 * Fails: IO. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_iter_next(plait_iter_t iter, plait_array_t* data,
                                         plait_array_t* label, plait_array_t* index, int64_t* pad);

/* ---- symbols and compiled graphs ----------------------------------------------------------- */

/* A graph of operators with one or more outputs. Free with plait_symbol_free(). */
typedef struct plait_symbol_s* plait_symbol_t;

/* What plait_symbol_names() lists. */
typedef enum plait_names_t {
  PLAIT_NAMES_ARGUMENTS = 0,        /* variables that the user provides */
  PLAIT_NAMES_AUXILIARY_STATES = 1, /* variables that operators keep, such as running means */
  PLAIT_NAMES_INPUTS = 2,           /* both, in the order of the graph */
  PLAIT_NAMES_OUTPUTS = 3
} plait_names_t;

/* A variable. new. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_variable(const char* name, plait_symbol_t* out);

/* Applies an operator to symbols. new.
 *
 * name         of the new node.
 * input_names  for each input its name at the operator, or "" for the next place; NULL: by place.
 *              Inputs that are left out become variables `<name>_<input>`.
 * attr_names, attr_values  `num_attrs` attributes; the others have their default.
 *
 * Fails: KEY for an unknown attribute or input, and with what the attributes' rules reject.
 * @since 0.1 */
PLAIT_API plait_status_t plait_symbol_apply(plait_op_t op, const char* name,
                                            const plait_symbol_t* inputs,
                                            const char* const* input_names, int32_t num_inputs,
                                            const char* const* attr_names,
                                            const plait_value_t* attr_values, int32_t num_attrs,
                                            plait_symbol_t* out);

/* One symbol with the outputs of all parts. new. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_group(const plait_symbol_t* parts, int32_t num_parts,
                                            plait_symbol_t* out);

/* Reads `bytes` bytes of MXNet's JSON. new. Fails: INVALID_ARGUMENT with the offset of the fault;
 * KEY for an unknown operator. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_from_json(const char* text, int64_t bytes,
                                                plait_symbol_t* out);

/* Writes MXNet's JSON. new: plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_symbol_to_json(plait_symbol_t symbol, plait_buffer_t* out);

/* @since 0.1 */
PLAIT_API void plait_symbol_free(plait_symbol_t symbol);

/* Number of outputs. @since 0.1 */
PLAIT_API int32_t plait_symbol_num_outputs(plait_symbol_t symbol);

/* Name of the node, if all outputs belong to one; NULL for a group. borrowed from symbol.
 * @since 0.1 */
PLAIT_API const char* plait_symbol_name(plait_symbol_t symbol);

/* One output. new. Fails: INDEX. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_output(plait_symbol_t symbol, int32_t index,
                                             plait_symbol_t* out);

/* All outputs of all nodes. new. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_internals(plait_symbol_t symbol, plait_symbol_t* out);

/* The inputs of the symbol's nodes; without outputs for a variable. new. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_children(plait_symbol_t symbol, plait_symbol_t* out);

/* Names as a JSON list. new: plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_symbol_names(plait_symbol_t symbol, plait_names_t which,
                                            plait_buffer_t* out);

/* Attributes as text of all nodes that have any: {"node": {"key": "value"}}. new:
 * plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_symbol_attrs(plait_symbol_t symbol, plait_buffer_t* out);

/* Sets a free attribute of the first output's node. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_set_attr(plait_symbol_t symbol, const char* key,
                                               const char* value);

/* Gives a variable a value (NULL: none), which symbols that use the variable see. Fails:
 * INVALID_ARGUMENT if it is no variable. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_set_value(plait_symbol_t symbol, plait_array_t value);

/* new: the value of a variable; NULL if it has none. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_value(plait_symbol_t symbol, plait_array_t* value);

/* A copy in which the `count` variables `names` are replaced by symbols of one output. new.
 * Fails: KEY. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_compose(plait_symbol_t symbol, const char* const* names,
                                              const plait_symbol_t* replacements, int32_t count,
                                              plait_symbol_t* out);

/* A copy whose first output comes from a node called `name`; the variables stay those of `symbol`.
 * new. Fails: INVALID_ARGUMENT if that node is a variable. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_rename(plait_symbol_t symbol, const char* name,
                                             plait_symbol_t* out);

/* 1 if both are the same outputs of the same nodes, else 0. @since 0.1 */
PLAIT_API int32_t plait_symbol_is_same(plait_symbol_t a, plait_symbol_t b);

/* The nodes whose attribute `key` is `value`, as `body`: what they read of other operators became
 * variables. `outer` has what each input of `body` stands for. new: both. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_cut(plait_symbol_t symbol, const char* key, const char* value,
                                          plait_symbol_t* body, plait_symbol_t* outer);

/* Infers shapes and dtypes. `given` is JSON {"data": {"shape": [2, 3], "dtype": "float32"}}; the
 * result {"arg_shapes": [[2, 3], null], "out_shapes", "aux_shapes", "arg_dtypes", "out_dtypes",
 * "aux_dtypes"} with null for what does not follow, and "arg_partial", "out_partial" and
 * "aux_partial", in which a size that does not follow is -1, as it may be in `given`. new:
 * plait_buffer_free().
 * Fails: SHAPE and others, with the node's name. @since 0.1 */
PLAIT_API plait_status_t plait_symbol_infer(plait_symbol_t symbol, const char* given,
                                            plait_buffer_t* out);

/* A symbol that is compiled once for each signature (shapes, dtypes, train mode, which inputs want
 * gradients) and then called. Free with plait_graph_free(). */
typedef struct plait_graph_s* plait_graph_t;

/* new. @since 0.1 */
PLAIT_API plait_status_t plait_graph_new(plait_symbol_t symbol, plait_graph_t* out);

/* Calls under way go on. @since 0.1 */
PLAIT_API void plait_graph_free(plait_graph_t graph);

/* Runs a graph on arrays in the order of PLAIT_NAMES_INPUTS; while recording it is one step.
 * Outputs become new; `outputs` has `capacity` places, at least plait_symbol_num_outputs() of its
 * symbol. Fails: with what an operator rejects, and the node's name. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_graph_call(plait_graph_t graph, const plait_array_t* inputs,
                                          int32_t num_inputs, plait_array_t* outputs,
                                          int32_t capacity, int32_t* num_outputs);

/* Text about the programs made so far: what each pass did, steps and bytes. new:
 * plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_graph_explain(plait_graph_t graph, plait_buffer_t* out);

/* Writes down, as a symbol, the operators that the calling thread applies to arrays. Reading the
 * value of an array that a traced operator made fails. Free with plait_trace_free(). */
typedef struct plait_trace_s* plait_trace_t;

/* Starts. new. Inside another trace of the thread it hears in that one's place until it stops.
 * @since 0.1 */
PLAIT_API plait_status_t plait_trace_begin(plait_trace_t* out);

/* `array` is a variable of the symbol from now on. @since 0.1 */
PLAIT_API plait_status_t plait_trace_variable(plait_trace_t trace, const char* name,
                                              plait_array_t array);

/* The same for an array whose value differs from call to call: to read it meanwhile is an error.
 * @since 0.1 */
PLAIT_API plait_status_t plait_trace_argument(plait_trace_t trace, const char* name,
                                              plait_array_t array);

/* Stops, in the thread that began. new: the symbol of `count` arrays. Fails: INVALID_ARGUMENT if
 * one was not computed by traced operators. @since 0.1 */
PLAIT_API plait_status_t plait_trace_end(plait_trace_t trace, const plait_array_t* outputs,
                                         int32_t count, plait_symbol_t* out);

/* As plait_trace_end(), but new: JSON text of what was done, free with plait_buffer_free():
 * {"steps": [...], "outputs": [[step, output], ...]}. A step is the name of a variable, or an
 * object with "op", "attrs" as texts, "inputs" as pairs like those of outputs, and "shapes" of all
 * of its outputs. @since 0.1 */
PLAIT_API plait_status_t plait_trace_steps(plait_trace_t trace, const plait_array_t* outputs,
                                           int32_t count, plait_buffer_t* out);

/* How many arrays without a name were read: variables "captured0", "captured1", ... of the symbol;
 * -1 for NULL. @since 0.1 */
PLAIT_API int32_t plait_trace_num_captured(plait_trace_t trace);

/* new: one of them. Fails: INDEX. @since 0.1 */
PLAIT_API plait_status_t plait_trace_captured(plait_trace_t trace, int32_t index,
                                              plait_array_t* array);

/* Stops if still tracing; in the thread that began. @since 0.1 */
PLAIT_API void plait_trace_free(plait_trace_t trace);

/* The passes of the graph compiler in the order in which they run, as JSON
 * [{"name": "share", "doc": "...", "on": true}]. new: plait_buffer_free(). @since 0.1 */
PLAIT_API plait_status_t plait_graph_passes(plait_buffer_t* out);

/* Switches a pass on (1) or off (0) for graphs made from now on; `was` (NULL allowed) gets the
 * switch before. Fails: KEY. @since 0.1 */
PLAIT_API plait_status_t plait_graph_set_pass(const char* name, int32_t on, int32_t* was);

/* How much memory graphs made from now on may plan for training, if the pass `recompute` is on:
 * bytes from 1 on, below 1 a share of what they would plan without it, 0: whatever costs little
 * time. `was` (NULL allowed) gets the number before. Fails: INVALID_ARGUMENT. @since 0.1 */
PLAIT_API plait_status_t plait_graph_set_memory_target(double target, double* was);

/* ---- prediction ---------------------------------------------------------------------------- */

/* A network with its weights, ready to run. Free with plait_predictor_free(). One thread at a time
 * may use a predictor; clones are used at the same time by different threads. */
typedef struct plait_predictor_s* plait_predictor_t;

/* Loads an exported network: JSON of a symbol and a ".params" file whose names may start with
 * "arg:" and "aux:". new. Fails: IO, INVALID_ARGUMENT for corrupt JSON, KEY for an unknown
 * operator. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_predictor_load(const char* symbol_path, const char* params_path,
                                              plait_predictor_t* out);

/* The same from the content of the files. new. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_predictor_load_buffer(const char* symbol, int64_t symbol_bytes,
                                                     const void* params, int64_t params_bytes,
                                                     plait_predictor_t* out);

/* Another predictor on the same weights and compiled plans, without inputs and outputs. new.
 * @since 0.1 */
PLAIT_API plait_status_t plait_predictor_clone(plait_predictor_t predictor, plait_predictor_t* out);

/* @since 0.1 */
PLAIT_API void plait_predictor_free(plait_predictor_t predictor);

/* Variables of the network without weights; and the outputs. Names are borrowed from the
 * predictor, NULL outside. @since 0.1 */
PLAIT_API int32_t plait_predictor_num_inputs(plait_predictor_t predictor);
PLAIT_API const char* plait_predictor_input_name(plait_predictor_t predictor, int32_t index);
PLAIT_API int32_t plait_predictor_num_outputs(plait_predictor_t predictor);
PLAIT_API const char* plait_predictor_output_name(plait_predictor_t predictor, int32_t index);

/* The array that the next runs read as input `name`. Its shape may differ from run to run.
 * Fails: KEY. @since 0.1 */
PLAIT_API plait_status_t plait_predictor_set_input(plait_predictor_t predictor, const char* name,
                                                   plait_array_t array);

/* Computes the outputs. Inputs that were not set and whose shape follows from the others, such as
 * labels, are zeros. Fails: INVALID_ARGUMENT if an input is missing, and with what an operator
 * rejects. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_predictor_run(plait_predictor_t predictor);

/* Output number `index` of the last run. new. Fails: INDEX, INVALID_ARGUMENT before the first
 * run. @since 0.1 */
PLAIT_API plait_status_t plait_predictor_output(plait_predictor_t predictor, int32_t index,
                                                plait_array_t* out);

/* ---- key-value store ------------------------------------------------------------------------ */

/* Arrays by key, shared by devices and processes. Free with plait_kvstore_free(). */
typedef struct plait_kvstore_s* plait_kvstore_t;

/* Changes `value` by the sum of the arrays that were pushed; both are borrowed. Called in the
 * thread that pushes; it may use the store. See below for "dist_async". */
typedef plait_status_t (*plait_updater_t)(void* user, const char* key, plait_array_t sum,
                                          plait_array_t value);

/* A store. "local", "device" and their like: shared by the devices of this process; "nccl": by its
 * GPUs, through NCCL. "dist_sync", "dist_device_sync", "dist" and "horovod": by all processes that
 * mpirun started, which make the same calls in the same order; what they push is summed over all,
 * and each applies the updater to its own copy. A process started alone shares it with nobody. new.
 *
 * "dist_async": each key is kept by one process, which applies what the others push as it comes,
 * and hands out the value that it has then. Threads of the store do that; the updater, which must
 * not use the store, is called while its process is in a call of the store, so each must come to
 * one now and then, or use plait_kvstore_set_concurrent_updater(). All processes call new, init,
 * barrier and free together; a barrier also waits until all that was pushed before is applied.
 * Fails: INVALID_ARGUMENT, COMM, DEVICE without NCCL. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_new(const char* type, plait_kvstore_t* out);

/* With "dist_async" it waits until all processes free theirs. @blocking @since 0.1 */
PLAIT_API void plait_kvstore_free(plait_kvstore_t kvstore);

/* The type. borrowed from kvstore. @since 0.1 */
PLAIT_API const char* plait_kvstore_type(plait_kvstore_t kvstore);

/* Number of this process among those that share the store, from 0; and how many they are.
 * @since 0.1 */
PLAIT_API int32_t plait_kvstore_rank(plait_kvstore_t kvstore);
PLAIT_API int32_t plait_kvstore_num_workers(plait_kvstore_t kvstore);

/* Waits until all processes that share the store have called it. Fails: COMM. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_barrier(plait_kvstore_t kvstore);

/* Keeps a copy of `value`, that of process 0, under a new key. Fails: INVALID_ARGUMENT if the key
 * is there already. @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_init(plait_kvstore_t kvstore, const char* key,
                                            plait_array_t value);

/* Adds up `count` arrays, one from each device, and those of all processes; the sum replaces the
 * value of the key, or goes to the updater. Fails: KEY, SHAPE, TYPE, COMM, CALLBACK if the updater
 * failed. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_push(plait_kvstore_t kvstore, const char* key,
                                            const plait_array_t* arrays, int32_t count);

/* Copies the value of the key into each of `count` arrays. Fails: KEY, SHAPE, TYPE. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_pull(plait_kvstore_t kvstore, const char* key,
                                            const plait_array_t* arrays, int32_t count);

/* Who changes values when arrays are pushed; NULL: they are replaced. `drop(user)` is called once
 * when the updater is replaced or the store is freed, also on failure. @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_set_updater(plait_kvstore_t kvstore, plait_updater_t update,
                                                   plait_drop_t drop, void* user);

/* The same for an updater that may be called in any thread, one call at a time: "dist_async" then
 * never waits for a call of the store. `drop` may be called in another thread, too. @since 0.1 */
PLAIT_API plait_status_t plait_kvstore_set_concurrent_updater(plait_kvstore_t kvstore,
                                                              plait_updater_t update,
                                                              plait_drop_t drop, void* user);

/* ---- communication ------------------------------------------------------------------------- */

/* One rank of a group: of processes that MPI started, or of ranks within this process. Operations
 * return at once and run when their arrays are ready, beside computation; reading a result waits.
 * All ranks call the same operations in the same order, with as many elements of the same dtype;
 * arrays must be dense. A rank that fails, dies or stops makes the operations of all ranks fail
 * with PLAIT_ERR_COMM. */
typedef struct plait_comm_s* plait_comm_t;

typedef enum plait_reduction_t {
  PLAIT_REDUCE_SUM = 0,
  PLAIT_REDUCE_PROD = 1,
  PLAIT_REDUCE_MIN = 2,
  PLAIT_REDUCE_MAX = 3
} plait_reduction_t;

typedef struct plait_comm_options_t {
  uint32_t struct_size; /* set by the caller: sizeof(plait_comm_options_t) */
  int32_t priority;     /* larger goes first */
  int32_t wait;         /* not 0: return when it is done */
  int32_t no_limit;     /* not 0: no time limit, as long as the others live */
  const char* name;     /* for messages and the profiler; copied; may be NULL */
} plait_comm_options_t;

/* `size` ranks in this process, in [1, 4096]: handle i of `out` is rank i. new. @since 0.1 */
PLAIT_API plait_status_t plait_comm_new_group(int32_t size, plait_comm_t* out);

/* All ranks of the MPI communicator whose handle (an MPI_Comm) stands at `mpi_comm`; NULL:
 * MPI_COMM_WORLD. Loads the MPI library and initialises MPI if nobody has. All ranks call it.
 * new. Fails: COMM. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_new_world(const void* mpi_comm, plait_comm_t* out);

/* Number of processes that a starter of MPI, such as mpirun, says that it started together with
 * this one; -1: it does not say; 0: none has started this one. Loads nothing. @since 0.1 */
PLAIT_API int32_t plait_comm_started(void);

/* The ranks that give the same `color`, numbered by `key`. All ranks call it. new. Fails: COMM.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_split(plait_comm_t comm, int64_t color, int64_t key,
                                          plait_comm_t* out);

/* @since 0.1 */
PLAIT_API void plait_comm_free(plait_comm_t comm);

/* Number of this rank, from 0; and of all ranks. @since 0.1 */
PLAIT_API int32_t plait_comm_rank(plait_comm_t comm);
PLAIT_API int32_t plait_comm_size(plait_comm_t comm);

/* Replaces `data` by its reduction over all ranks: the same bits everywhere. `options` may be NULL,
 * here and below. Fails: INVALID_ARGUMENT; as all operations later with COMM. @blocking @since 0.1
 */
PLAIT_API plait_status_t plait_comm_allreduce(plait_comm_t comm, plait_array_t data,
                                              plait_reduction_t reduction,
                                              const plait_comm_options_t* options);

/* The same for `count` arrays of one dtype, in one operation: as if they were one array, one behind
 * the other. Fails: INVALID_ARGUMENT, TYPE. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_allreduce_list(plait_comm_t comm, const plait_array_t* data,
                                                   int32_t count, plait_reduction_t reduction,
                                                   const plait_comm_options_t* options);

/* Replaces `data` by that of rank `root`. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_broadcast(plait_comm_t comm, plait_array_t data, int32_t root,
                                              const plait_comm_options_t* options);

/* Writes `mine` of all ranks to `all`, in the order of ranks. `counts`: elements of each rank;
 * NULL: as many from each. Fails: SHAPE, TYPE. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_allgather(plait_comm_t comm, plait_array_t mine,
                                              plait_array_t all, const int64_t* counts,
                                              const plait_comm_options_t* options);

/* Reduces `all` over the ranks and writes the part that has the number of this rank, of as many
 * equal parts as ranks, to `mine`. Fails: SHAPE, TYPE. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_reduce_scatter(plait_comm_t comm, plait_array_t all,
                                                   plait_array_t mine, plait_reduction_t reduction,
                                                   const plait_comm_options_t* options);

/* Sends part i of `source` to rank i and writes what rank i sent to part i of `target`. The counts
 * are elements for each rank; both NULL: equal parts. Fails: SHAPE, TYPE. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_all_to_all(plait_comm_t comm, plait_array_t source,
                                               plait_array_t target, const int64_t* send_counts,
                                               const int64_t* receive_counts,
                                               const plait_comm_options_t* options);

/* Sends `data` to rank `peer`, which receives it with the same `channel`, in [0, 127]. The n-th
 * send on a channel meets the n-th receive. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_send(plait_comm_t comm, plait_array_t data, int32_t peer,
                                         int32_t channel, const plait_comm_options_t* options);

/* Fills `data` with what rank `peer` sends. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_receive(plait_comm_t comm, plait_array_t data, int32_t peer,
                                            int32_t channel, const plait_comm_options_t* options);

/* Waits until all ranks have called it. Fails: COMM. @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_barrier(plait_comm_t comm);

/* What is on its way on this rank, one line for each operation with its age and the rank that it
 * waits for. new. @since 0.1 */
PLAIT_API plait_status_t plait_comm_pending(plait_comm_t comm, plait_buffer_t* out);

/* Makes the operations of all ranks fail with `reason`: those on their way and all later ones.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_abort(plait_comm_t comm, const char* reason);

/* Ends the processes of all ranks, this one included, if the group is one of processes. @blocking
 * @since 0.1 */
PLAIT_API plait_status_t plait_comm_kill(plait_comm_t comm);

/* From now on operators that normalise over a batch, such as sync_batch_norm, take the batches of
 * all ranks together; NULL: that of this process. All ranks call it, before graphs are compiled,
 * and then make the same calls of these operators in the same order. `comm` may be freed.
 * @blocking @since 0.1 */
PLAIT_API plait_status_t plait_comm_share_batches(plait_comm_t comm);

/* ---- handles ------------------------------------------------------------------------------- */

/* Handles of all kinds but arrays that exist now, for leak checks; arrays are counted by
 * plait_array_live_count(). @since 0.1 */
PLAIT_API int64_t plait_handle_live_count(void);

#ifdef __cplusplus
}
#endif

#endif /* PLAIT_C_API_H_ */
