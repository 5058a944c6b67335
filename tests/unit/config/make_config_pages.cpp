#include <fstream>

#include "config/reference.hpp"
#include "pages.hpp"

int main() {
    using namespace bester::config;
    const std::string guide = with_reference(read_file(guide_path()));
    std::ofstream{guide_path(), std::ios::binary} << guide;
    std::ofstream{schema_path(), std::ios::binary} << json_schema();
    return 0;
}
