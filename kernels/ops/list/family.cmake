# SIMD already; -O3 would only unroll the tails.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/sum_simd.cc)
