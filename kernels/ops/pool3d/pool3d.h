// Geometry of a 3-D pooling call and the SIMD entry points that compute it.
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

  int64_t plane() const { return h.in * w.in * channels; }
  int64_t out_plane() const { return h.out * w.out * channels; }
  int64_t units() const { return batch * d.out; }  // independent pieces of work
  // Row of the last (width) pass with its padding on both sides.
  int64_t padded_width() const {
    const int64_t reach = w.out > 0 ? (w.out - 1) * w.stride + w.kernel : 0;
    return reach > w.pad + w.in ? reach : w.pad + w.in;
  }
  // Rows that are kept with their depth already reduced: one for each row of a window.
  int64_t ring() const { return h.kernel < h.in ? h.kernel : h.in; }
  // Elements of scratch a worker needs: the ring, a padded row, a row at stride 1.
  int64_t scratch() const { return ring() * w.in * channels + 2 * padded_width() * channels + 64; }
};

// Pools units [begin, end); `scratch` holds Geometry::scratch() elements of T.
template <typename T>
using PoolFn = void (*)(const Geometry& g, const T* x, T* y, int64_t begin, int64_t end,
                        T* scratch);

PoolFn<float> MaxPoolF32();
PoolFn<double> MaxPoolF64();
PoolFn<int8_t> MaxPoolI8();
PoolFn<uint8_t> MaxPoolU8();
PoolFn<float> AvgPoolF32();
PoolFn<double> AvgPoolF64();

}  // namespace opkit::pool3d

#endif  // OPKIT_OPS_POOL3D_POOL3D_H_
