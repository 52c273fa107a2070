opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/scan_rare.cc)
