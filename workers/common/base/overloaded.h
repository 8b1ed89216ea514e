// Several lambdas as one visitor, for std::visit.
#pragma once

namespace evermilter {

template <class... Parts>
struct Overloaded : Parts... {
    using Parts::operator()...;
};
template <class... Parts>
Overloaded(Parts...) -> Overloaded<Parts...>;

} // namespace evermilter
