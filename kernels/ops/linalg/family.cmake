# These kernels say themselves what is vectorised and unrolled: -O2 gives the same speed as -O3 in
# two thirds of the code.
file(GLOB linalg_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cc)
set_source_files_properties(${linalg_sources} PROPERTIES COMPILE_OPTIONS
  "$<$<CONFIG:Release>:-O2>")
