// What systemctl(1) prints of socket units.
#include "supervisor/socket_units.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace evermilter::supervisor;

BOOST_AUTO_TEST_SUITE(socket_units)

BOOST_AUTO_TEST_CASE(a_unit_has_its_addresses_in_the_form_of_the_configuration) {
    const auto units = parse_socket_units(
        "Id=evermilter.socket\nListen=/run/evermilter/milter.sock (Stream)\nListen=127.0.0.1:8891 (Stream)\n"
        "Listen=[::1]:8892 (Stream)\nListen=[::]:8893 (Stream)\nTriggers=evermilter.service other.service\n"
        "ActiveState=active\nSubState=listening\n\n"
        "Id=evermilter.socket\nListen=/twice (Stream)\n\n"
        "Id=dbus.socket\nListen=/run/dbus/system_bus_socket (Stream)\nTriggers=dbus.service\nActiveState=active\n"
        "SubState=running\n\n"
        "Id=syslog.socket\nListen=/run/systemd/journal/syslog (Datagram)\nTriggers=\nActiveState=inactive\n"
        "SubState=dead\n");
    BOOST_TEST_REQUIRE(units.size() == 3U);
    const std::vector<std::string> addresses = {"unix:/run/evermilter/milter.sock", "inet:8891@127.0.0.1",
                                                "inet6:8892@::1", "inet6:8893@::"};
    BOOST_TEST(units[0].name == "evermilter.socket");
    BOOST_TEST(units[0].addresses == addresses, boost::test_tools::per_element());
    BOOST_TEST((units[0].services == std::vector<std::string>{"evermilter.service", "other.service"}));
    BOOST_TEST((units[0].active && units[0].waits));
    BOOST_TEST((units[1].active && !units[1].waits));
    BOOST_TEST(units[2].addresses.empty());
    BOOST_TEST((!units[2].active && !units[2].waits && units[2].services.empty()));
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_left_out) {
    BOOST_TEST(parse_socket_units("").empty());
    BOOST_TEST(parse_socket_units("\n\nListen=/run/x (Stream)\n\n").empty()); // no name
    const auto units = parse_socket_units(
        "Id=x.socket\nListen=\nListen=@abstract (Stream)\nListen=vsock::1 (Stream)\nListen=1.2.3.4:99999 (Stream)\n"
        "Listen=1.2.3.4:8891x (Stream)\nListen=/a (SequentialPacket)\nno value\n=\nActiveState");
    BOOST_TEST_REQUIRE(units.size() == 1U);
    BOOST_TEST(units[0].addresses.empty());
}

BOOST_AUTO_TEST_SUITE_END()
