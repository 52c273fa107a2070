# Its arithmetic is scalar by nature, or in philox_simd.cc.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/stateless.cc)
