# Writes OUTPUT, which ctest includes: a test BINARY/SUITE for each suite that the program lists. Called after each link
# (evermilter_test in ../CMakeLists.txt), so a new suite needs no list.
#   cmake -DPROGRAM=… -DNAME=… -DLABEL=… -DSUITES=…/suites.txt -DOUTPUT=… -P discover.cmake
# A row of suites.txt that names a suite of this binary that is not there is an error, so that no row outlives its suite.
cmake_minimum_required(VERSION 3.25)

execute_process(
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 ${PROGRAM} --list_content --color_output=no
  OUTPUT_VARIABLE listed ERROR_VARIABLE listed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} --list_content: ${status}\n${listed}")
endif()
# The outermost level of the tree; what is below it is indented.
string(REGEX MATCHALL "(^|\n)[^ \n*:]+" suites "${listed}")
list(TRANSFORM suites STRIP)

# A test has a minute more than the judge gives it, who can say more about its end.
set(timeout 1260)
set(text "")
foreach(suite ${suites})
  string(APPEND text
    "add_test([=[${NAME}/${suite}]=] [=[${PROGRAM}]=] [=[--run_test=${suite}]=])\n"
    "set_tests_properties([=[${NAME}/${suite}]=] PROPERTIES LABELS ${LABEL} TIMEOUT ${timeout} SKIP_RETURN_CODE 77)\n")
endforeach()

file(STRINGS ${SUITES} rows REGEX "^${NAME}/")
foreach(row ${rows})
  string(REGEX MATCHALL "[^ ]+" row "${row}")
  list(POP_FRONT row test)
  string(REPLACE "${NAME}/" "" suite "${test}")
  if(NOT suite IN_LIST suites)
    message(FATAL_ERROR "${SUITES} names ${test}, which is not a suite of ${PROGRAM}")
  endif()
  string(REPLACE ";" " " properties "${row}")
  string(APPEND text "set_tests_properties([=[${test}]=] PROPERTIES ${properties})\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
