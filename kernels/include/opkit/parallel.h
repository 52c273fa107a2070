// Data parallelism on the kit's thread pool. Kernels normally call OpContext::ParallelFor, which
// passes the interpreter's num_threads.
#ifndef OPKIT_PARALLEL_H_
#define OPKIT_PARALLEL_H_

#include <cstdint>

namespace opkit {

// Non-owning reference to a callable `void(int64_t begin, int64_t end)`.
class RangeFn {
 public:
  template <typename F>
  RangeFn(const F& f)  // NOLINT: implicit by design, lives as long as the call
      : object_(&f),
        call_([](const void* o, int64_t b, int64_t e) { (*static_cast<const F*>(o))(b, e); }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  const void* object_;
  void (*call_)(const void*, int64_t, int64_t);
};

// Runs fn over [0, n) split into ranges of at least `grain` (the last may be shorter) on up to
// `threads` threads, the caller's included; returns when all are done. Inline when one range
// suffices. Nested calls run inline. fn must not throw.
void ParallelFor(int threads, int64_t n, int64_t grain, RangeFn fn);

}  // namespace opkit

#endif  // OPKIT_PARALLEL_H_
