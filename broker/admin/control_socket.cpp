#include "admin/control_socket.hpp"

#include <stdexcept>

namespace bester::admin {
namespace {

constexpr int backlog = 16;
constexpr mode_t owner_only = 0600;

}  // namespace

exchange::listening_socket listen_on_control_socket(const std::string& path) {
    try {
        return exchange::listen_on_path(path, owner_only, backlog);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error("cannot open the control socket " + path + ": " + error.what() +
                                 "; stop what is there, or set control.socket");
    }
}

}  // namespace bester::admin
