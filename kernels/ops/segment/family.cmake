# The loops that matter are in reduce_simd.cc.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/segment.cc)
