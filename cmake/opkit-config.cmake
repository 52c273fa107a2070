# CMake package of an installed tflite-opkit:
#   execute_process(COMMAND python -m opkit paths --cmake OUTPUT_VARIABLE opkit_DIR
#                   OUTPUT_STRIP_TRAILING_WHITESPACE)
#   find_package(opkit CONFIG REQUIRED)
#   opkit_add_ops(my_ops softshrink.cc)
include(CMakeFindDependencyMacro)
find_dependency(Threads)

set(opkit_exports "${CMAKE_CURRENT_LIST_DIR}/exports.map")
get_filename_component(_opkit_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
if(NOT TARGET opkit::framework)
  add_library(opkit::framework STATIC IMPORTED)
  set_target_properties(opkit::framework PROPERTIES
    IMPORTED_LOCATION "${_opkit_root}/lib/libopkit_framework.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_opkit_root}/include"
    INTERFACE_COMPILE_FEATURES cxx_std_17
    INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()

# opkit_add_ops(name [source.cc ...]): one op library; without sources, every .cc of the folder.
function(opkit_add_ops name)
  set(sources ${ARGN})
  if(NOT sources)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  endif()
  add_library(${name} SHARED ${sources})
  set_target_properties(${name} PROPERTIES
    PREFIX "" CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # Optimised also where no build type was chosen.
  target_compile_options(${name} PRIVATE -ffp-contract=off -fno-math-errno -fno-trapping-math
    "$<$<CONFIG:>:-O3;-DNDEBUG>")
  target_link_libraries(${name} PRIVATE opkit::framework)
  # The table of ops is looked up by name when the library is loaded.
  target_link_options(${name} PRIVATE -Wl,-u,opkit_library -Wl,--gc-sections)
  if(NOT APPLE)
    target_link_options(${name} PRIVATE -Wl,--version-script=${opkit_exports})
  endif()
endfunction()
