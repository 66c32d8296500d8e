set(BUILD_TESTING ON)
enable_testing()

function(fake_slicer_check_keywords name unknown)
  if(unknown)
    message(FATAL_ERROR "Unknown keywords given to ${name}: ${unknown}")
  endif()
endfunction()

# Copies to the build tree, where Slicer finds modules while they are developed, and installs what
# is there. The real macro copies when building, this one when configuring.
function(ctkMacroCompilePythonScript)
  cmake_parse_arguments(MY
    "NO_INSTALL_SUBDIR;GLOBAL_TARGET"
    "TARGET_NAME;SOURCE_DIR;DESTINATION_DIR;INSTALL_DIR"
    "SCRIPTS;RESOURCES"
    ${ARGN}
    )
  fake_slicer_check_keywords(ctkMacroCompilePythonScript "${MY_UNPARSED_ARGUMENTS}")
  foreach(needed TARGET_NAME SCRIPTS DESTINATION_DIR INSTALL_DIR)
    if(NOT DEFINED MY_${needed})
      message(FATAL_ERROR "${needed} is mandatory")
    endif()
  endforeach()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${file} ${MY_DESTINATION_DIR}/${file} COPYONLY)
  endforeach()
  if(MY_NO_INSTALL_SUBDIR)
    string(APPEND MY_DESTINATION_DIR /)
  endif()
  install(DIRECTORY ${MY_DESTINATION_DIR}
    DESTINATION ${MY_INSTALL_DIR} COMPONENT RuntimeLibraries
    USE_SOURCE_PERMISSIONS)
  add_custom_target(Compile${MY_TARGET_NAME}PythonFiles ALL)
endfunction()

function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY
    "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES"
    ${ARGN}
    )
  fake_slicer_check_keywords(slicerMacroBuildScriptedModule "${MY_UNPARSED_ARGUMENTS}")
  ctkMacroCompilePythonScript(
    TARGET_NAME ${MY_NAME}
    SCRIPTS "${MY_SCRIPTS}"
    RESOURCES "${MY_RESOURCES}"
    DESTINATION_DIR ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}
    INSTALL_DIR ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}
    NO_INSTALL_SUBDIR
    )
endfunction()

function(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  fake_slicer_check_keywords(slicer_add_python_unittest "${MY_UNPARSED_ARGUMENTS}")
  get_filename_component(name ${MY_SCRIPT} NAME_WE)
  add_test(NAME py_${MY_TESTNAME_PREFIX}${name} COMMAND ${CMAKE_COMMAND} -E true)
endfunction()
