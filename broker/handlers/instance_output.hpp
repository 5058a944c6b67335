#pragma once

#include <asio/io_context.hpp>

#include <memory>
#include <string>

namespace bester::handlers {

/// Reads the two output pipes of an instance and logs their lines, marked with its name and pid.
///
/// Lives on the thread that runs its io_context; owns the descriptors. It never stops reading, so
/// a handler does not block on its own output, but it reads in turns, so that a handler that
/// floods delays nothing else.
class instance_output {
public:
    /// `label` is how the instance is named in the log, e.g. "chat#0".
    instance_output(asio::io_context& io, const std::string& label, int pid, int output, int errors);
    ~instance_output();
    instance_output(const instance_output&) = delete;
    instance_output& operator=(const instance_output&) = delete;

    /// Logs the rest of the pipes after the process has ended, and closes them.
    void finish();
    /// Returns the last line that it wrote, of stderr if there was one; empty if there was none.
    std::string last_line() const;

private:
    class pipe_reader;

    std::shared_ptr<pipe_reader> output_;
    std::shared_ptr<pipe_reader> errors_;
};

}  // namespace bester::handlers
