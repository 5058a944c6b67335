#include "errors_page.hpp"

#include "wire/error_code.hpp"

namespace bester::wire::test {

namespace {

constexpr const char* introduction = R"(# Error codes

<!-- Made by make_errors_page from broker/wire/error_code.cpp: edit there. -->

Every refusal carries a `code` from this table, a `reason` in words for people,
and `temporary`: whether it makes sense to try the same again. Codes are stable:
none is renamed or given another meaning. A handler may answer with codes of its
own (1 to 64 of `a-z 0-9 _`), which are passed on to the sender as they are.

They stand in [status reports](client.md#status-reports) to clients, in
`error`, `refused` and `report` frames to [handlers](handler.md), and in the
broker's log. "Whose" says who can mend it: the `client` that sent the message,
the `handler` that serves it, the `admin` who runs the broker, the `broker`
itself, or `nobody`, because nothing is wrong. "From" says who makes the code: the broker, or, at the end of the table, what
stands before it: the C++ libraries for clients (on which `bester client` and `bester send` are built) and for handlers, and the
[control socket](admin.md) with the commands that use it, `bester user`, and `bester ca` (whose codes stand in the log, too, where
the broker reads certificates). These use codes of the broker, too, in the meaning that they have here.

| code | from | whose | temporary | meaning |
|---|---|---|---|---|
)";

void append_row(std::string& page, std::string_view from, const auto& row) {
    page.append("| `").append(row.text).append("` | ").append(from).append(" | ").append(to_string(row.whose));
    page.append(row.temporary ? " | yes | " : " | no | ").append(row.meaning).append(" |\n");
}

}  // namespace

std::string errors_page() {
    std::string page = introduction;
    for (const error_row& row : error_table()) {
        if (row.code == error_code::none) continue;
        append_row(page, "broker", row);
    }
    for (const local_error_row& row : local_error_table()) append_row(page, to_string(row.maker), row);
    return page;
}

}  // namespace bester::wire::test
