# Flags every target of the kit shares.
function(opkit_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_17)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wconversion -Wshadow
    $<$<BOOL:${OPKIT_WERROR}>:-Werror>
    # ULP bounds hold only if the compiler fuses nothing on its own; kernels ask for FMA by name.
    -ffp-contract=off -fno-math-errno -fno-trapping-math
    -ffunction-sections -fdata-sections)
  target_link_options(${target} PRIVATE -Wl,--gc-sections -Wl,-z,noseparate-code)
  if(OPKIT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${OPKIT_SANITIZE}
      -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
    target_link_options(${target} PRIVATE -fsanitize=${OPKIT_SANITIZE})
  endif()
endfunction()

# Release builds are -O3; `level` for sources to which that gives size and no speed: code that runs
# once per model, and loops written in SIMD already.
function(opkit_release_level level)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:${level}>)
endfunction()

# For sources that neither allocate nor call what may throw: no tables for unwinding, 3 % of the
# library.
function(opkit_release_without_unwinding)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS
    $<$<CONFIG:Release>:-fno-exceptions> $<$<CONFIG:Release>:-fno-asynchronous-unwind-tables>)
endfunction()

# The same for sources whose loops gcc compiles to slower code without exceptions: tables only for
# functions that may throw, which the compiler knows and the assembler does not.
function(opkit_release_unwinding_only_where_thrown)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS
    $<$<CONFIG:Release>:-fexceptions> $<$<CONFIG:Release>:-fno-asynchronous-unwind-tables>
    $<$<CONFIG:Release>:-fno-dwarf2-cfi-asm>)
endfunction()
