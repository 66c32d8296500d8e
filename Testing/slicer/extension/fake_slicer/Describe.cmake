# The real file packs the extension with its description; this one only says what it would get.
foreach(name CATEGORY CONTRIBUTORS DESCRIPTION HOMEPAGE ICONURL SCREENSHOTURLS DEPENDS)
  if(NOT DEFINED EXTENSION_${name})
    message(FATAL_ERROR "EXTENSION_${name} is not set")
  endif()
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/description.txt "${PROJECT_NAME}\n${EXTENSION_DEPENDS}\n")
