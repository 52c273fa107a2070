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

// Row 0: c; row j + 1: coefficients of ((a - c) / (a + kErfcShift))^j of the pieces
// of erfc(a) / exp(-a^2), relative error 2^-27.2.
alignas(64) constexpr float kErfc16[6][16] = {
    {0x1.7b703cp+0f,
     0x1.fc01c2p+0f,
     0x1.3e3622p+1f,
     0x1.7e64a6p+1f,
     0x1.da6c6ep+1f,
     0x1.2da176p+2f,
     0x1.6df038p+2f,
     0x1.ae2830p+2f,
     0x1.04e428p+3f,
     0x1.456100p+3f,
     0x1.f07c5cp-5f,
     0x1.7c58f8p-3f,
     0x1.7941dap-2f,
     0x1.3cf5c0p-1f,
     0x1.bd3b70p-1f,
     0x1.1eb7e4p+0f},
    {0x1.4c505ep-2f,
     0x1.073dd0p-2f,
     0x1.b1de78p-3f,
     0x1.6fff54p-3f,
     0x1.2d7492p-3f,
     0x1.dff756p-4f,
     0x1.8e3f08p-4f,
     0x1.5423c6p-4f,
     0x1.195d10p-4f,
     0x1.c46060p-5f,
     0x1.dec8c2p-1f,
     0x1.a42bf8p-1f,
     0x1.613d32p-1f,
     0x1.1e6886p-1f,
     0x1.dd3584p-2f,
     0x1.966b28p-2f},
    {-0x1.289d4cp-1f,
     -0x1.b91984p-2f,
     -0x1.58c07cp-2f,
     -0x1.17bc14p-2f,
     -0x1.b33d50p-3f,
     -0x1.47ed2ap-3f,
     -0x1.051e6cp-3f,
     -0x1.b0159ap-4f,
     -0x1.594d64p-4f,
     -0x1.0c1f0ep-4f,
     -0x1.0bb8d4p+1f,
     -0x1.ccd1c8p+0f,
     -0x1.77ee1ap+0f,
     -0x1.242f0ep+0f,
     -0x1.d30838p-1f,
     -0x1.7e5622p-1f},
    {0x1.767c58p-2f,
     0x1.f4b6c6p-3f,
     0x1.604194p-3f,
     0x1.026294p-3f,
     0x1.5f4164p-4f,
     0x1.bedc00p-5f,
     0x1.32b32ap-5f,
     0x1.bd0ab0p-6f,
     0x1.2deacep-6f,
     0x1.81dd9ap-7f,
     0x1.9e2b50p+0f,
     0x1.63c736p+0f,
     0x1.1ec6bap+0f,
     0x1.b0c648p-1f,
     0x1.4c59a6p-1f,
     0x1.03c000p-1f},
    {-0x1.edeb0ep-4f,
     -0x1.4761f2p-4f,
     -0x1.bc7dd4p-5f,
     -0x1.3661ecp-5f,
     -0x1.850f84p-6f,
     -0x1.b7d626p-7f,
     -0x1.0d486ep-7f,
     -0x1.5f4194p-8f,
     -0x1.9e9b24p-9f,
     -0x1.be0338p-10f,
     -0x1.23512ep-2f,
     -0x1.292ed8p-2f,
     -0x1.1b348cp-2f,
     -0x1.eb96a0p-3f,
     -0x1.98ff5cp-3f,
     -0x1.4e254ap-3f},
    {-0x1.6d35fap-9f,
     0x1.da3b04p-9f,
     0x1.2f9276p-8f,
     0x1.0bb9c0p-8f,
     0x1.81cc20p-9f,
     0x1.c90b46p-10f,
     0x1.11fb7cp-10f,
     0x1.57f5bap-11f,
     0x1.74a908p-12f,
     0x1.62a078p-13f,
     -0x1.18a2cep-2f,
     -0x1.abe250p-3f,
     -0x1.1a0e48p-3f,
     -0x1.305140p-4f,
     -0x1.36558cp-5f,
     -0x1.1bd7bcp-6f},
};

// Row 0: c; row j + 1: coefficients of ((a - c) / (a + kErfcShift))^j of the pieces
// of erfc(a) / exp(-a^2), relative error 2^-28.5.
alignas(64) constexpr float kErfc8[7][8] = {
    {0x1.aeedd8p+0f,
     0x1.5942c2p+1f,
     0x1.05c2ccp+2f,
     0x1.884080p+2f,
     0x1.1ca2fep+3f,
     0x1.e1e2bap-4f,
     0x1.e662c2p-2f,
     0x1.f557bep-1f},
    {0x1.2d0416p-2f,
     0x1.938d7ep-3f,
     0x1.12b9f6p-3f,
     0x1.74385cp-4f,
     0x1.0230f6p-4f,
     0x1.c28958p-1f,
     0x1.41ea9cp-1f,
     0x1.bbbcfap-2f},
    {-0x1.059b7ap-1f,
     -0x1.3a6dbap-2f,
     -0x1.83a1d8p-3f,
     -0x1.e156c8p-4f,
     -0x1.385e6cp-4f,
     -0x1.f37824p+0f,
     -0x1.507f48p+0f,
     -0x1.aab426p-1f},
    {0x1.3c95fcp-2f,
     0x1.33b3d4p-3f,
     0x1.24849cp-4f,
     0x1.0b5e5ap-5f,
     0x1.fa45b4p-7f,
     0x1.824b78p+0f,
     0x1.fbc2c8p-1f,
     0x1.29bc82p-1f},
    {-0x1.a24954p-4f,
     -0x1.7ccf10p-5f,
     -0x1.35d3fep-6f,
     -0x1.c110d4p-8f,
     -0x1.4546c2p-9f,
     -0x1.282c90p-2f,
     -0x1.0cd434p-2f,
     -0x1.771096p-3f},
    {0x1.d7492ep-11f,
     0x1.25a61ap-8f,
     0x1.3c5f6ap-9f,
     0x1.c268a2p-11f,
     0x1.17b8b0p-12f,
     -0x1.f06434p-3f,
     -0x1.b33cecp-4f,
     -0x1.bf2cbap-6f},
    {0x1.65d7a6p-7f,
     0x1.220988p-9f,
     0x1.9f0a5ap-12f,
     0x1.0a6560p-16f,
     0x1.0686aep-20f,
     0x1.998d1ap-6f,
     0x1.6a12ccp-5f,
     0x1.d6f774p-6f},
};

constexpr float kErfcFirst = 0x1.800000p-1f;
constexpr float kErfcShift = 0x1.000000p+1f;
// ln(2), to whose error the tables of erfc are fit.
constexpr float kErfcLn2 = 0x1.62e430p-1f;

// acos(a) / sqrt(1 - a), 0 <= a <= 1. 2^-25.1.
constexpr float kAcos[8] = {
    0x1.921fb6p+0f,
    -0x1.b781e2p-3f,
    0x1.6cb2cap-4f,
    -0x1.9d987cp-5f,
    0x1.03d12cp-5f,
    -0x1.2a9116p-6f,
    0x1.e89cd2p-8f,
    -0x1.837a5cp-10f};
// (asin(u) / u - 1) / z in z = 4 u^2, 0 <= z <= 1. 2^-27.6.
constexpr float kAsin[5] = {
    0x1.5555c8p-5f,
    0x1.330204p-8f,
    0x1.747bb8p-11f,
    0x1.8c3e50p-14f,
    0x1.595c60p-15f};
// Their product is pi / 2, in more digits than a float has.
constexpr float kPi2A = 0x1.962000p+0f;
constexpr float kPi2B = 0x1.faf4aep-1f;

}  // namespace opkit::tables

#endif  // OPKIT_MATH_ELEMENTARY_PIECES_H_
