# These kernels say themselves what is vectorised and unrolled: -O2 gives the same speed as -O3 in
# two thirds of the code.
opkit_release_level(-O2 ${family_sources})
file(GLOB matrix_kernels CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_simd.cc)
opkit_release_unwinding_only_where_thrown(${matrix_kernels})
