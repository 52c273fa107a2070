# SIMD already; -O3 would only unroll what is short.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/segment.cc ${CMAKE_CURRENT_LIST_DIR}/reduce_simd.cc)
