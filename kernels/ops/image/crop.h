// Sampling positions of CropAndResize and its float32 SIMD row.
#ifndef OPKIT_OPS_IMAGE_CROP_H_
#define OPKIT_OPS_IMAGE_CROP_H_

#include <cstdint>

namespace opkit::image {

// Where one output row or column samples the input.
struct Tap {
  int64_t low;   // nearer the origin; element offset
  int64_t high;  // equal to low at an exact hit
  float lerp;    // weight of high
  bool inside;
  bool pair;  // inside, and high is the pixel after low
};

// One output row, bilinear. `readable` elements may be read from `bottom` on (and so from `top`).
void BilinearRowF32(const float* top, const float* bottom, float y_lerp, const Tap* taps,
                    int64_t width, int64_t depth, int64_t readable, float outside, float* out);

}  // namespace opkit::image

#endif  // OPKIT_OPS_IMAGE_CROP_H_
