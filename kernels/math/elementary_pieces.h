// Written by fit_elementary.py; do not edit.
// clang-format off
#ifndef OPKIT_MATH_ELEMENTARY_PIECES_H_
#define OPKIT_MATH_ELEMENTARY_PIECES_H_

#include <cstdint>

namespace opkit::tables {

// The first float of a factor of 2 cut in 16 pieces; 1 / c and log(c) of each.
constexpr int32_t kLogFirst16 = 0x3f340000;
// 1 / c.
alignas(64) constexpr float kLogInverse16[16] = {
    0x1.642000p+0f,
    0x1.54e000p+0f,
    0x1.47c000p+0f,
    0x1.3ae000p+0f,
    0x1.2f6000p+0f,
    0x1.24e000p+0f,
    0x1.1aa000p+0f,
    0x1.116000p+0f,
    0x1.086000p+0f,
    0x1.000000p+0f,
    0x1.e20000p-1f,
    0x1.c76000p-1f,
    0x1.af0000p-1f,
    0x1.98c000p-1f,
    0x1.864000p-1f,
    0x1.750000p-1f};
// log(c).
alignas(64) constexpr float kLogCentre16[16] = {
    -0x1.5206e0p-2f,
    -0x1.2535e4p-2f,
    -0x1.fa01c4p-3f,
    -0x1.a7eeb8p-3f,
    -0x1.5bbc06p-3f,
    -0x1.1398a0p-3f,
    -0x1.9545c4p-4f,
    -0x1.0cf8e0p-4f,
    -0x1.07b5a4p-5f,
    0,
    0x1.eea31cp-5f,
    0x1.e010a4p-4f,
    0x1.60b310p-3f,
    0x1.cd409ep-3f,
    0x1.160dd0p-2f,
    0x1.44591ep-2f};
// (log1p(r) - r) / r^2, -0.0292 <= r <= 0.0312. 2^-31.2.
constexpr float kLogTail16[4] = {
    -0x1.fffffcp-2f,
    0x1.555558p-2f,
    -0x1.003748p-2f,
    0x1.99623ep-3f};

// The first float of a factor of 2 cut in 8 pieces; 1 / c and log(c) of each.
constexpr int32_t kLogFirst8 = 0x3f355556;
// 1 / c.
alignas(64) constexpr float kLogInverse8[8] = {
    0x1.5b4000p+0f,
    0x1.3fc000p+0f,
    0x1.27c000p+0f,
    0x1.136000p+0f,
    0x1.000000p+0f,
    0x1.d02000p-1f,
    0x1.a02000p-1f,
    0x1.78e000p-1f};
// log(c).
alignas(64) constexpr float kLogCentre8[8] = {
    -0x1.382f32p-2f,
    -0x1.c765bap-3f,
    -0x1.279a30p-3f,
    -0x1.2ad44ap-4f,
    0,
    0x1.921b74p-4f,
    0x1.a8a150p-3f,
    0x1.39c3d2p-2f};
// (log1p(r) - r) / r^2, -0.0557 <= r <= 0.0576. 2^-27.1.
constexpr float kLogTail8[4] = {
    -0x1.ffffdap-2f,
    0x1.555584p-2f,
    -0x1.00b32ep-2f,
    0x1.999bf6p-3f};

}  // namespace opkit::tables

#endif  // OPKIT_MATH_ELEMENTARY_PIECES_H_
