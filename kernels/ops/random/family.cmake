# Its arithmetic is scalar by nature, or in the *_simd.cc files.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/stateless.cc)
