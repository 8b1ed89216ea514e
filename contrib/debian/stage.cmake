# Run by cpack (CPACK_PRE_BUILD_SCRIPTS) on the tree of the package: compresses its manual pages and makes its changelog, as
# Debian's policy wants them. Fails the package if either fails.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.[1-8])
list(FILTER pages INCLUDE REGEX "/man[1-8]/")
if(NOT pages)
  message(FATAL_ERROR "there are no manual pages in ${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
endif()
execute_process(COMMAND gzip -9nf ${pages} COMMAND_ERROR_IS_FATAL ANY)

file(GLOB_RECURSE copyright ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/copyright)
get_filename_component(documents ${copyright} DIRECTORY)
execute_process(
  COMMAND ${CPACK_EVERMILTER_SOURCE_DIRECTORY}/contrib/debian/changelog
    ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE} ${CPACK_DEBIAN_PACKAGE_MAINTAINER}
  COMMAND gzip -9n
  OUTPUT_FILE ${documents}/changelog.Debian.gz
  COMMAND_ERROR_IS_FATAL ANY)
