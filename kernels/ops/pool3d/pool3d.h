// Geometry of a 3-D pooling call, the vector passes it is made of and the driver that runs them.
#ifndef OPKIT_OPS_POOL3D_POOL3D_H_
#define OPKIT_OPS_POOL3D_POOL3D_H_

#include <cstdint>

#include "math/window.h"

namespace opkit::pool3d {

// Input [batch, d, h, w, channels], channels innermost. NCDHW is batch * channels with 1 channel.
struct Geometry {
  int64_t batch = 0;
  int64_t channels = 0;
  WindowDim d, h, w;

  int64_t row() const { return w.in * channels; }
  int64_t out_row() const { return w.out * channels; }
  int64_t units() const { return batch * d.out; }  // independent pieces of work
};

// The passes of one kind of pooling. They differ in the types of the elements read, of the running
// results ("sums", also of a maximum) and of the elements written; counts and steps are elements.
struct Passes {
  int64_t in_bytes, sum_bytes, out_bytes;
  // sums[i] = rows[0][i] op ... op rows[last][i] for i < n, over planes * rows rows that start at
  // base + p * plane + r * row. `first` reads input elements, `fold` sums.
  using Fold = void (*)(const void* base, int64_t plane, int64_t planes, int64_t row, int64_t rows,
                        int64_t n, void* sums);
  Fold first, fold;
  // `count` pixels of c channels, each from `taps` neighbouring ones: pixel i from line + i * step,
  // to sums + i * out_step.
  void (*pixels)(const void* line, int64_t taps, int64_t step, int64_t c, int64_t count,
                 int64_t out_step, void* sums);
  // out[i] = sums[i] / count, rounded; null where sums are the result. Sums are lost; they may be
  // out where elements are equal in size.
  void (*finish)(void* sums, int64_t n, int64_t count, void* out);
};

enum Kind {
  kMaxF32,
  kMaxI8,
  kMaxU8,
  kAvgF32,
  kAvgI8,
  kAvgU8,
  kMaxF16,
  kMaxBF16,
  kAvgF16,
  kAvgBF16,
  kMaxF64,
  kAvgF64,
};
const Passes& GetPasses(Kind kind);

// The largest window whose sum the passes of kAvgI8 and kAvgU8 hold.
constexpr int64_t kMaxByteWindow = 255;

// Picks every stride-th of `count` pixels; may read 16 bytes from a picked pixel's start on.
void PickPixels(const void* from, int64_t pixel_bytes, int64_t stride, int64_t count, void* out);

// Bytes of scratch that a worker needs.
int64_t ScratchBytes(const Geometry& g, const Passes& p);

// Pools units [begin, end).
void Pool(const Geometry& g, const Passes& p, const void* x, void* y, int64_t begin, int64_t end,
          void* scratch);

}  // namespace opkit::pool3d

#endif  // OPKIT_OPS_POOL3D_POOL3D_H_
