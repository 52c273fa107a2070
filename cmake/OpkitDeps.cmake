# Highway's headers, as an interface target opkit_deps. They are taken from the
# include folder of the installed TensorFlow wheel, which is found without importing TensorFlow.
if(OPKIT_DEPS_DIR)
  set(deps ${OPKIT_DEPS_DIR})
else()
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c
      "import importlib.util as u, os; s = u.find_spec('tensorflow'); print(os.path.join(s.submodule_search_locations[0], 'include') if s else '')"
    OUTPUT_VARIABLE deps OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

find_path(OPKIT_HIGHWAY_DIR hwy/highway.h
  PATHS ${deps}/external/com_google_highway ${deps} NO_DEFAULT_PATH NO_CACHE)
if(NOT OPKIT_HIGHWAY_DIR)
  message(FATAL_ERROR
    "opkit: no Highway headers under '${deps}'. Install TensorFlow into ${Python_EXECUTABLE} "
    "(pip install tensorflow) or pass -DOPKIT_DEPS_DIR=<folder with hwy/highway.h>.")
endif()

add_library(opkit_deps INTERFACE)
target_include_directories(opkit_deps SYSTEM INTERFACE ${OPKIT_HIGHWAY_DIR})
if(OPKIT_TFLITE_INCLUDE_DIR)
  target_include_directories(opkit_deps SYSTEM INTERFACE ${OPKIT_TFLITE_INCLUDE_DIR})
  target_compile_definitions(opkit_deps INTERFACE OPKIT_TFLITE_HEADERS)
endif()
