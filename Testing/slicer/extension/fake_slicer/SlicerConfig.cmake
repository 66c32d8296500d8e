# Stands in for an installed Slicer, so that the extension's CMake lists can be configured and
# installed without one. Only what they use is here, and an argument that Slicer's macros do not
# know is an error. Written after Slicer's CMake/SlicerMacroBuildScriptedModule.cmake and
# CMake/SlicerMacroPythonTesting.cmake, and CTK's CMake/ctkMacroCompilePythonScript.cmake.

set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/Describe.cmake)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.10/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR ./lib/Slicer-5.10/qt-scripted-modules)
