/* DLPack: how array libraries hand memory to each other without copying.
 *
 * The structures of the public specification, version 1.1, in our own words. The guard is that of
 * the specification's own header, so that a program may include either or both. */
#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_

#ifndef PLAIT_NO_STD_INCLUDES
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define DLPACK_MAJOR_VERSION 1
#define DLPACK_MINOR_VERSION 1

/* The consumer must not write to the memory. */
#define DLPACK_FLAG_BITMASK_READ_ONLY 1
/* The producer made a copy for this exchange. */
#define DLPACK_FLAG_BITMASK_IS_COPIED 2

typedef struct {
  uint32_t major; /* raised when the structures change */
  uint32_t minor; /* raised when enum values are added */
} DLPackVersion;

typedef enum {
  kDLCPU = 1,
  kDLCUDA = 2,
  kDLCUDAHost = 3, /* host memory pinned for CUDA */
  kDLOpenCL = 4,
  kDLVulkan = 7,
  kDLMetal = 8,
  kDLVPI = 9,
  kDLROCM = 10,
  kDLROCMHost = 11,
  kDLExtDev = 12,
  kDLCUDAManaged = 13,
  kDLOneAPI = 14,
  kDLWebGPU = 15,
  kDLHexagon = 16,
  kDLMAIA = 17
} DLDeviceType;

typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;

typedef enum {
  kDLInt = 0,
  kDLUInt = 1,
  kDLFloat = 2,
  kDLOpaqueHandle = 3,
  kDLBfloat = 4,
  kDLComplex = 5,
  kDLBool = 6
} DLDataTypeCode;

typedef struct {
  uint8_t code;   /* a DLDataTypeCode */
  uint8_t bits;   /* of one lane */
  uint16_t lanes; /* 1, except for packed vectors */
} DLDataType;

/* Memory with its shape. Owns nothing. */
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; /* in elements; NULL: row-major without gaps */
  uint64_t byte_offset; /* of the first element from `data` */
} DLTensor;

/* The form before version 1.0. */
typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensor *self); /* called once by the consumer; may be NULL */
} DLManagedTensor;

/* The form since version 1.0. `version` stays first for ever: check it before anything else. */
typedef struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *self); /* as above */
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

#ifdef __cplusplus
}
#endif

#endif /* DLPACK_DLPACK_H_ */
