#pragma once

namespace plait {

// Every status of the C ABI: name, number, text. Numbers are never reused.
#define PLAIT_STATUS_TABLE(X)                                      \
  X(kOk, OK, 0, "success")                                         \
  X(kInvalidArgument, ERR_INVALID_ARGUMENT, 1, "invalid argument") \
  X(kType, ERR_TYPE, 2, "wrong type")                              \
  X(kShape, ERR_SHAPE, 3, "shapes do not fit")                     \
  X(kIndex, ERR_INDEX, 4, "index out of range")                    \
  X(kKey, ERR_KEY, 5, "unknown name")                              \
  X(kNotImplemented, ERR_NOT_IMPLEMENTED, 6, "not implemented")    \
  X(kOutOfMemory, ERR_OUT_OF_MEMORY, 7, "out of memory")           \
  X(kIo, ERR_IO, 8, "input or output failed")                      \
  X(kDevice, ERR_DEVICE, 9, "device failed")                       \
  X(kComm, ERR_COMM, 10, "communication failed")                   \
  X(kCallback, ERR_CALLBACK, 11, "a callback failed")              \
  X(kInternal, ERR_INTERNAL, 99, "internal error, please report it")

enum class ErrorKind : int {
#define PLAIT_STATUS_ENUM(name, c_name, number, text) name = number,
  PLAIT_STATUS_TABLE(PLAIT_STATUS_ENUM)
#undef PLAIT_STATUS_ENUM
};

}  // namespace plait
