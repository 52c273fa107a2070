# The kernels say themselves what is vectorised and unrolled: -O2 gives the same speed as -O3 in
# two thirds of the code. Around them, plans and dispatch are for size.
set(signal_dir ${CMAKE_CURRENT_LIST_DIR})
set_source_files_properties(${signal_dir}/fft_kernels.cc PROPERTIES COMPILE_OPTIONS
  "$<$<CONFIG:Release>:-O2>")
set_source_files_properties(${signal_dir}/fft.cc ${signal_dir}/fft_plan.cc PROPERTIES COMPILE_OPTIONS
  "$<$<CONFIG:Release>:-Os>")
