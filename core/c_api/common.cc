#include "c_api/common.h"

#include <cstdlib>
#include <cstring>

#include "op/attrs_maker.h"

namespace plait::c_api {
namespace {

thread_local std::string last_error;

}  // namespace

plait_status_t report(plait_status_t status, const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {  // no memory for the message: the status says enough
    last_error.clear();
  }
  return status;
}

op::AttrValue value_of(const plait_value_t& v) {
  switch (v.kind) {
    case PLAIT_VALUE_NONE: return {};
    case PLAIT_VALUE_BOOL: return v.as.integer != 0;
    case PLAIT_VALUE_INT: return v.as.integer;
    case PLAIT_VALUE_FLOAT: return v.as.real;
    case PLAIT_VALUE_STRING:
      require(v.as.string, "text of a value");
      return std::string(v.as.string);
    case PLAIT_VALUE_INTS:
      require_list(v.as.ints, v.size, "elements of a value");
      return Dims(v.as.ints, v.as.ints + v.size);
    case PLAIT_VALUE_FLOATS:
      require_list(v.as.floats, v.size, "elements of a value");
      return std::vector<double>(v.as.floats, v.as.floats + v.size);
  }
  fail(ErrorKind::kInvalidArgument, "kind of a value is ", v.kind, ", must be in [0, 6]");
}

op::AttrsRef attrs_of(const op::Op& op, const plait_value_t* values, int32_t count) {
  check(count >= 0 && count <= static_cast<int32_t>(op.fields.size()), ErrorKind::kInvalidArgument,
        op.name, ": got ", count, " attributes, must be at most ", op.fields.size());
  if (!op.has_attrs()) return {};
  if (count == 0) return op.default_attrs();
  require(values, "attrs");
  op::AttrsMaker maker(op);
  for (int32_t i = 0; i < count; ++i) maker.set(i, value_of(values[i]));
  return maker.done();
}

Dims shape_of(const int64_t* sizes, int32_t ndim) {
  check(ndim >= 0 && ndim <= kMaxNdim, ErrorKind::kShape, "ndim is ", ndim, ", must be in [0, ",
        kMaxNdim, "]");
  if (ndim) require(sizes, "shape");
  const Dims shape(sizes, sizes + ndim);
  check_size(shape, sizeof(Complex128));  // of any dtype
  return shape;
}

}  // namespace plait::c_api

using namespace plait;
using namespace plait::c_api;

const char* plait_last_error(void) { return last_error.c_str(); }
void plait_set_last_error(const char* message) { report(PLAIT_OK, message ? message : ""); }

const char* plait_status_name(plait_status_t status) {
  switch (static_cast<int>(status)) {
#define PLAIT_STATUS_NAME(name, c_name, number, text) \
  case number: return "PLAIT_" #c_name;
    PLAIT_STATUS_TABLE(PLAIT_STATUS_NAME)
#undef PLAIT_STATUS_NAME
  }
  return "PLAIT_ERR_UNKNOWN";
}

const char* plait_status_text(plait_status_t status) {
  switch (static_cast<int>(status)) {
#define PLAIT_STATUS_TEXT(name, c_name, number, text) \
  case number: return text;
    PLAIT_STATUS_TABLE(PLAIT_STATUS_TEXT)
#undef PLAIT_STATUS_TEXT
  }
  return "unknown status";
}

const char* plait_buffer_data(plait_buffer_t buffer) {
  return is_alive(buffer) ? buffer->bytes.c_str() : nullptr;
}
int64_t plait_buffer_size(plait_buffer_t buffer) {
  return is_alive(buffer) ? static_cast<int64_t>(buffer->bytes.size()) : -1;
}
void plait_buffer_free(plait_buffer_t buffer) { free_object(buffer); }

int64_t plait_handle_live_count(void) { return live_handles().load(std::memory_order_relaxed); }
