# The kernels say themselves what is vectorised and unrolled: -O2 gives the same speed as -O3 in
# two thirds of the code. Around them, plans and dispatch are for size.
opkit_release_level(-Os ${family_sources})
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/fft_kernels.cc)
opkit_release_unwinding_only_where_thrown(${CMAKE_CURRENT_LIST_DIR}/fft_kernels.cc)
