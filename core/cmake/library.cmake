# The shared library. Operators register themselves, so every source below core/ is an object of it.
file(GLOB_RECURSE PLAIT_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cc)
# Kernels for other devices are in libraries of their own.
list(FILTER PLAIT_SOURCES EXCLUDE REGEX "/core/(cmake|third_party|kernels/cuda)/")

# Optional parts are chosen by file: <part>/ or <part>.cc when it is on, no_<part>.cc when it is off.
foreach(part codecs openmp)
  string(TOUPPER ${part} option)
  if(PLAIT_${option})
    list(FILTER PLAIT_SOURCES EXCLUDE REGEX "/no_${part}\\.cc$")
  else()
    list(FILTER PLAIT_SOURCES EXCLUDE REGEX "/${part}(/.*)?(\\.cc)?$")
  endif()
endforeach()

# The threads inside tasks: a library of its own, because oneDNN calls it as well.
set(PLAIT_TEAM_SOURCES ${PLAIT_SOURCES} ${CMAKE_CURRENT_SOURCE_DIR}/base/sync.cc)
list(FILTER PLAIT_TEAM_SOURCES INCLUDE REGEX "/core/(team/.*|base/sync)\\.cc$")
list(REMOVE_DUPLICATES PLAIT_TEAM_SOURCES)
list(FILTER PLAIT_SOURCES EXCLUDE REGEX "/core/team/")
set(PLAIT_TEAM_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/team.map)
add_library(plait_team SHARED ${PLAIT_TEAM_SOURCES})
target_include_directories(plait_team PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(plait_team PRIVATE -Wall -Wextra)
target_link_libraries(plait_team PRIVATE Threads::Threads)
target_link_options(plait_team PRIVATE -Wl,--version-script=${PLAIT_TEAM_EXPORTS})
set_target_properties(plait_team PROPERTIES OUTPUT_NAME plteam CXX_VISIBILITY_PRESET default
                                            LINK_DEPENDS ${PLAIT_TEAM_EXPORTS})
if(PLAIT_OPENMP)
  target_link_libraries(plait_team PRIVATE OpenMP::OpenMP_CXX)
endif()

add_library(plait_objects OBJECT ${PLAIT_SOURCES})
target_include_directories(plait_objects PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${PLAIT_INCLUDE})
target_link_libraries(plait_objects PUBLIC plait_team plait::onednn plait::blas Threads::Threads
                                           ${CMAKE_DL_LIBS})
target_compile_definitions(plait_objects PRIVATE PLAIT_BUILDING)
target_compile_definitions(plait_objects PUBLIC PLAIT_VERSION_STRING="${PROJECT_VERSION}")
# The cost model lets -O2 vectorise loops whose length is known only at run time.
target_compile_options(plait_objects PUBLIC -Wall -Wextra -fno-math-errno -fopenmp-simd
                                            $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fvect-cost-model=dynamic>)

# What nearly every file reads of the standard library; parsing it is a sixth of a full build.
target_precompile_headers(
  plait_objects
  PRIVATE
  <algorithm>
  <array>
  <atomic>
  <cmath>
  <cstdint>
  <cstring>
  <functional>
  <memory>
  <mutex>
  <optional>
  <span>
  <string>
  <string_view>
  <unordered_map>
  <utility>
  <vector>)

# Loops are vectorised for several instruction sets (kernels/simd.h); comparisons may be speculated.
file(GLOB_RECURSE PLAIT_LOOPS CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/*.cc
     ${CMAKE_CURRENT_SOURCE_DIR}/ops/*.cc ${CMAKE_CURRENT_SOURCE_DIR}/dist/combine.cc)
set_source_files_properties(${PLAIT_LOOPS} PROPERTIES COMPILE_OPTIONS "-O3;-fno-trapping-math")

# Whole numbers wrap round where a result does not fit, as in NumPy: in the files that calculate with
# elements. Sizes and indices never do, so elsewhere an overflow stays an error to the sanitizer.
file(GLOB PLAIT_WRAPPING CONFIGURE_DEPENDS
     ${CMAKE_CURRENT_SOURCE_DIR}/ops/elementwise/*.cc ${CMAKE_CURRENT_SOURCE_DIR}/ops/reduce/*.cc
     ${CMAKE_CURRENT_SOURCE_DIR}/ops/index/coordinates.cc
     ${CMAKE_CURRENT_SOURCE_DIR}/ops/index/gather_nd.cc)
set_property(SOURCE ${PLAIT_WRAPPING} APPEND PROPERTY COMPILE_OPTIONS -fwrapv)

if(PLAIT_CODECS)
  target_link_libraries(plait_objects PUBLIC JPEG::JPEG PNG::PNG)
endif()
set(PLAIT_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/exports.map)
add_library(plait SHARED $<TARGET_OBJECTS:plait_objects>)
add_library(plait::plait ALIAS plait)
target_include_directories(plait PUBLIC $<BUILD_INTERFACE:${PLAIT_INCLUDE}>
                                        $<INSTALL_INTERFACE:${PLAIT_PREFIX}/include>)
target_link_libraries(plait PRIVATE plait_team plait::onednn plait::blas Threads::Threads
                                    ${CMAKE_DL_LIBS})
target_link_options(plait PRIVATE -Wl,--version-script=${PLAIT_EXPORTS})
if(NOT PLAIT_SANITIZE)
  target_link_options(plait PRIVATE -Wl,--no-undefined)
endif()
set_target_properties(plait PROPERTIES LINKER_LANGUAGE CXX LINK_DEPENDS ${PLAIT_EXPORTS}
                                       INSTALL_RPATH "$ORIGIN")
if(PLAIT_CODECS)
  target_link_libraries(plait PRIVATE JPEG::JPEG PNG::PNG)
endif()
if(PLAIT_CUDA)
  add_subdirectory(kernels/cuda/real)
endif()
if(PLAIT_BUILD_TESTS)
  add_subdirectory(kernels/cuda/emulated)
endif()
