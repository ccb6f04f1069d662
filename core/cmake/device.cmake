# A library for devices other than the CPU (memory/accelerator.h). Its sources: all .cu files, the files of ops/ with an
# operator that is portable, and what they need of the core's lower layers.
set(PLAIT_CORE ${PLAIT_ROOT}/core)
file(GLOB_RECURSE PLAIT_DEVICE_KERNELS CONFIGURE_DEPENDS ${PLAIT_CORE}/kernels/cuda/*.cu ${PLAIT_CORE}/ops/*.cu)
list(FILTER PLAIT_DEVICE_KERNELS EXCLUDE REGEX "/(real|emulated)/")
file(GLOB_RECURSE PLAIT_OPERATORS CONFIGURE_DEPENDS ${PLAIT_CORE}/ops/*.cc)
foreach(file ${PLAIT_OPERATORS})
  file(STRINGS ${file} portable REGEX "\\.portable\\(\\)|PLAIT_(UNARY_[XY]|BINARY|SCALAR|MULTI_STEP|SINGLE_STEP)\\(" LIMIT_COUNT 1)
  if(portable)
    list(APPEND PLAIT_DEVICE_KERNELS ${file})
  endif()
endforeach()
set(PLAIT_DEVICE_PARTS ${PLAIT_CORE}/base/dims.cc ${PLAIT_CORE}/base/dtype.cc ${PLAIT_CORE}/base/env.cc
                       ${PLAIT_CORE}/op/attr.cc ${PLAIT_CORE}/kernels/loop_for.cc ${PLAIT_CORE}/kernels/strided.cc
                       ${PLAIT_CORE}/kernels/simd.cc)

function(plait_device_library name)
  target_include_directories(${name} PRIVATE ${PLAIT_CORE} ${PLAIT_INCLUDE})
  target_compile_definitions(${name} PRIVATE PLAIT_DEVICE PLAIT_VERSION_STRING="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  # Gradients in files of ops/ need what only the core has; nothing here calls them, so they go.
  target_compile_options(
    ${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-ffunction-sections>
                    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-ffunction-sections>)
  target_link_options(${name} PRIVATE -Wl,--version-script=${PLAIT_CORE}/cmake/device.map
                      -Wl,--gc-sections)
  if(NOT PLAIT_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${PLAIT_CORE}/cmake/device.map)
endfunction()
