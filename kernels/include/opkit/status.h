// Result of a kernel step: OK, or one sentence that says what came and what was wanted.
#ifndef OPKIT_STATUS_H_
#define OPKIT_STATUS_H_

#include <memory>
#include <string>

namespace opkit {

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  explicit Status(std::string message);
  bool ok() const { return message_ == nullptr; }
  const std::string& message() const;  // empty if OK

 private:
  // Out of line, as errors are rare and the places where a Status ends are many.
  struct Deleter {
    void operator()(std::string* message) const noexcept;
  };
  std::unique_ptr<std::string, Deleter> message_;
};

// printf-style error. The framework puts the op and its tensors in front.
Status Error(const char* format, ...) __attribute__((format(printf, 1, 2)));

// printf into a std::string.
std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

#define OPKIT_CONCAT_(a, b) a##b
#define OPKIT_CONCAT(a, b) OPKIT_CONCAT_(a, b)

// Leaves the function with the error of `expr`, if it has one.
#define OPKIT_RETURN_IF_ERROR(expr)                \
  do {                                             \
    ::opkit::Status opkit_status_ = (expr);        \
    if (!opkit_status_.ok()) return opkit_status_; \
  } while (false)

}  // namespace opkit

#endif  // OPKIT_STATUS_H_
