#include "socketio/attachment_collector.hpp"

namespace bester::socketio {

tl::expected<void, attachment_error> attachment_collector::begin(const packet_view& head) {
    if (is_collecting()) return fail(attachment_error::interrupted);
    clear();
    if (head.attachments > most_attachments) return fail(attachment_error::too_many);
    if (head.data.size() > max_bytes_) return fail(attachment_error::too_large);
    type_ = head.type;
    attachments_ = head.attachments;
    id_ = head.id;
    name_space_ = head.name_space;
    data_ = head.data;
    used_ = data_.size();
    is_begun_ = true;
    return {};
}

tl::expected<bool, attachment_error> attachment_collector::add(std::string_view body) {
    if (!is_collecting()) return fail(attachment_error::unexpected);
    if (body.size() > max_bytes_ - used_) return fail(attachment_error::too_large);
    bodies_.emplace_back(body);
    used_ += body.size();
    return !is_collecting();
}

packet_view attachment_collector::head() const noexcept { return {type_, attachments_, id_, name_space_, data_}; }

void attachment_collector::clear() noexcept {
    used_ = 0;
    attachments_ = 0;
    id_.reset();
    name_space_ = {};
    data_ = {};
    bodies_ = {};
    is_begun_ = false;
}

tl::unexpected<attachment_error> attachment_collector::fail(attachment_error error) noexcept {
    clear();
    return tl::unexpected{error};
}

}  // namespace bester::socketio
