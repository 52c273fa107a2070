# Not reduce_simd.cc: at -O2 gcc keeps arrays of vectors on the stack, and its loops take thrice as long.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/segment.cc)
