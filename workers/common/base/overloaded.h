// A visitor of a variant, made of one lambda for each of its types: std::visit(Overloaded{...}, variant). One that is
// missing does not compile.
#pragma once

namespace evermilter {

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

} // namespace evermilter
