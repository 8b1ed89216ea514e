# A package of Debian, made by cpack from the preset `package`: contrib/package does all of it. Two components are one package:
# what `cmake --install` installs, and what only the package has (COMPONENT debian), because it lies in /etc, where an
# installation by hand must not overwrite it, or is of Debian's own form.
set(EVERMILTER_PACKAGE_REVISION "1" CACHE STRING "Revision of the package of Debian: what follows the version")
set(EVERMILTER_PACKAGE_MAINTAINER "evermilter maintainers <maintainers@evermilter.invalid>"
  CACHE STRING "Who makes the package: NAME <MAIL>")

set(debian COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES contrib/debian/evermilter.toml contrib/freshclam/clamd.conf
  DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/evermilter ${debian})
install(FILES contrib/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} ${debian})
# logwatch reads dist.conf before /etc/logwatch/conf, which is the administrator's.
install(FILES contrib/logwatch/clamav-milter.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/logwatch/dist.conf/services ${debian})
install(FILES contrib/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
  RENAME evermilter ${debian})

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL program debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Manual pages are compressed, and the changelog is made, once everything lies in the tree of the package.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/contrib/debian/stage.cmake)
set(CPACK_EVERMILTER_SOURCE_DIRECTORY ${CMAKE_SOURCE_DIR})

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGE_NAME evermilter)
set(CPACK_PACKAGE_VENDOR evermilter)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${EVERMILTER_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${EVERMILTER_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "ClamAV mail filter that does not stop while it reloads signatures")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Mail servers (Postfix, Sendmail) speak the milter protocol to evermilter, which
scans each message with libclamav and answers before the message is accepted.
A separate process loads new signatures while the old ones stay in use; no
message waits for that, no session is cut, and no crash of a scanner stops the
others. What cannot be scanned is never called clean.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
# clamav-base has the user clamav and the folder of the databases; acl is for evermilter-databases.service.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers, clamav-base, acl")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS clamav-freshclam)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postfix | sendmail-bin, logwatch")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(file conffiles postinst prerm postrm)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/contrib/debian/${file})
endforeach()
include(CPack)
