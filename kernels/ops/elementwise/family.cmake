# SIMD already; -O3 would only unroll the tails.
opkit_release_level(-O2 ${CMAKE_CURRENT_LIST_DIR}/bits.cc ${CMAKE_CURRENT_LIST_DIR}/predicates.cc
                   ${CMAKE_CURRENT_LIST_DIR}/relu_grad.cc ${CMAKE_CURRENT_LIST_DIR}/shift.cc)
