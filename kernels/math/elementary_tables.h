// Coefficients of the float32 elementary functions: weighted minimax fits
// against 40-digit values (mpmath), rounded to float one coefficient at a time
// with the rest fitted again. Piece centres are floats at which the function's
// value is almost a float itself, so that the leading coefficient is exact.
#ifndef OPKIT_MATH_ELEMENTARY_TABLES_H_
#define OPKIT_MATH_ELEMENTARY_TABLES_H_

namespace opkit::tables {

// erf(a) in a - k step, k the multiple of step nearest to a: row j holds the
// coefficients of power j, column k those of piece k. Worst error of the fit 0.6
// units in the last place of the result.
constexpr float kErfStep16 = 0x1.039000p-2f;
alignas(64) constexpr float kErf16[6][16] = {
    {0, 0x1.1ebb32p-2f, 0x1.0d9d9ep-1f, 0x1.6f853ep-1f, 0x1.b26126p-1f, 0x1.da9606p-1f,
     0x1.efe0b4p-1f, 0x1.f9ce7ap-1f, 0x1.fde236p-1f, 0x1.ff5b9cp-1f, 0x1.ffd3c6p-1f, 0x1.fff576p-1f,
     0x1.fffdc8p-1f, 0x1.ffff96p-1f, 0x1.ffffeep-1f, 0x1.fffffep-1f},
    {0x1.20dd76p+0f, 0x1.0ee384p+0f, 0x1.becb9cp-1f, 0x1.440834p-1f, 0x1.9d5294p-2f, 0x1.cfa42ap-3f,
     0x1.c95e78p-4f, 0x1.8cc626p-5f, 0x1.2eb308p-6f, 0x1.9629fep-8f, 0x1.df45f4p-10f,
     0x1.f15806p-12f, 0x1.c5dc30p-14f, 0x1.6c3b9ap-16f, 0x1.010e58p-18f, 0x1.3f1458p-21f},
    {-0x1.53c6a6p-17f, -0x1.12a7dcp-2f, -0x1.c50374p-2f, -0x1.ecd0a6p-2f, -0x1.a314a2p-2f,
     -0x1.25cf7cp-2f, -0x1.5bce2cp-3f, -0x1.600458p-4f, -0x1.32f0e4p-5f, -0x1.cf17acp-7f,
     -0x1.2fae9ap-8f, -0x1.59a134p-10f, -0x1.64e9eap-12f, -0x1.2d52c8p-14f, -0x1.7dff22p-18f,
     -0x1.55b114p-17f},
    {-0x1.80c860p-2f, -0x1.3acb2ap-2f, -0x1.219e70p-3f, 0x1.0e7d10p-5f, 0x1.22fe68p-3f,
     0x1.55f1cap-3f, 0x1.146a92p-3f, 0x1.5e441ep-4f, 0x1.6c768ap-5f, 0x1.3e757ap-6f, 0x1.d94f36p-8f,
     0x1.2d7adep-9f, 0x1.4b034ap-11f, 0x1.3a5e90p-13f, 0x1.02f68ap-15f, 0x1.735602p-18f},
    {-0x1.1a9a04p-8f, 0x1.053e22p-3f, 0x1.75d6e0p-3f, 0x1.2e5f3ap-3f, 0x1.09a77ap-4f,
     -0x1.3dc426p-7f, -0x1.757bd6p-5f, -0x1.80bcf0p-5f, -0x1.097088p-5f, -0x1.250574p-6f,
     -0x1.f73b4cp-8f, -0x1.8e2500p-9f, -0x1.5e9684p-13f, -0x1.b42ff4p-13f, -0x1.1a87bcp-11f,
     0x1.f6535ep-12f},
    {0x1.07d5ecp-3f, 0x1.47e43ep-4f, 0x1.02fd5cp-7f, -0x1.bddb16p-5f, -0x1.188062p-4f,
     -0x1.6f215ap-5f, -0x1.9f2838p-7f, 0x1.f9e894p-8f, 0x1.ab5920p-7f, 0x1.4aa822p-7f,
     0x1.6b2eaep-8f, 0x1.3bf3a8p-9f, 0x1.be6484p-11f, 0x1.08aa72p-12f, 0x1.1db7f6p-14f,
     0x1.1da086p-17f},
};
constexpr float kErfStep8 = 0x1.0c9600p-1f;
alignas(64) constexpr float kErf8[7][8] = {
    {0, 0x1.156b52p-1f, 0x1.b96820p-1f, 0x1.f2aadep-1f, 0x1.fe7676p-1f, 0x1.ffe4c4p-1f,
     0x1.fffee2p-1f, 0x1.fffffap-1f},
    {0x1.20dd76p+0f, 0x1.b6bf02p-1f, 0x1.805558p-2f, 0x1.845618p-4f, 0x1.c499e0p-7f,
     0x1.303a56p-10f, 0x1.d7c1eep-15f, 0x1.a5fae0p-20f},
    {-0x1.15fdc8p-17f, -0x1.cc511ep-2f, -0x1.933a76p-2f, -0x1.3192b8p-3f, -0x1.daed48p-6f,
     -0x1.8f2fc8p-9f, -0x1.7b15a2p-13f, -0x1.b4d242p-17f},
    {-0x1.80e37cp-2f, -0x1.071638p-3f, 0x1.33bee2p-3f, 0x1.ffd20cp-4f, 0x1.266fa4p-5f,
     0x1.436dd6p-8f, 0x1.7142d0p-12f, 0x1.c5e2d6p-17f},
    {-0x1.8cf824p-9f, 0x1.77d82ep-3f, 0x1.ad8980p-5f, -0x1.8dbdaep-5f, -0x1.c9040ep-6f,
     -0x1.6225fep-8f, -0x1.70f68ep-12f, 0x1.0bee7ep-12f},
    {0x1.07372ap-3f, 0x1.c3e146p-11f, -0x1.0c882ep-4f, -0x1.ee0fdep-8f, 0x1.9c600cp-7f,
     0x1.19a96ep-8f, 0x1.1c559ep-11f, 0x1.11563ap-15f},
    {-0x1.21fa52p-5f, -0x1.89bdb4p-5f, 0x1.1ebc98p-7f, 0x1.0adc94p-6f, -0x1.5bfceap-9f,
     -0x1.66e580p-9f, -0x1.d9a4e6p-10f, -0x1.641aa0p-9f},
};
// atan(y) = y + y z P(z), z = y^2 <= 1, for angles.
constexpr float kAtan[] = {-0x1.55553e0p-2f, 0x1.9991e60p-3f,  -0x1.2420b80p-3f,
                           0x1.c08f9a0p-4f,  -0x1.58165c0p-4f, 0x1.da63540p-5f,
                           -0x1.fe06d80p-6f, 0x1.64cece0p-7f,  -0x1.d4b18a0p-10f};
// c and atan(c), which is almost a float; atan(t) = t + t z P(z), z = t^2, for
// |t| <= 1/8 (16 pieces) or 1/4 (8).
alignas(64) constexpr float kAtan16[2][16] = {
    {0x1.b93e60p+0f, 0x1.1cf3e0p+1f, 0x1.5d5f36p+1f, 0x1.9dd96ap+1f, 0x1.f87bb2p+1f, 0x1.3cfa98p+2f,
     0x1.7d6780p+2f, 0x1.a26388p+3f, 0, 0x1.7e9d0ep-3f, 0x1.3eee22p-2f, 0x1.be7c10p-2f,
     0x1.3c58dep-1f, 0x1.bbeb3ep-1f, 0x1.1dee04p+0f, 0x1.5e1b62p+0f},
    {0x1.0b8a4ep+0f, 0x1.260b4ep+0f, 0x1.383876p+0f, 0x1.455598p+0f, 0x1.52833ap+0f, 0x1.5f1f1ep+0f,
     0x1.679036p+0f, 0x1.7e9500p+0f, 0, 0x1.7a40c6p-3f, 0x1.352de0p-2f, 0x1.a50922p-2f,
     0x1.1b5e1ep-1f, 0x1.6db86cp-1f, 0x1.ae5f38p-1f, 0x1.e0fd58p-1f},
};
constexpr float kAtanTail16[] = {-0x1.555174p-2f, 0x1.934f72p-3f};
alignas(64) constexpr float kAtan8[2][8] = {
    {0x1.e69b48p+0f, 0x1.767d7ap+1f, 0x1.128294p+2f, 0x1.62fe7cp+3f, 0, 0x1.7ab7e0p-2f,
     0x1.70fa78p-1f, 0x1.38523ep+0f},
    {0x1.16246ep+0f, 0x1.3dcf78p+0f, 0x1.577c9ep+0f, 0x1.7b1c10p+0f, 0, 0x1.6abe26p-2f,
     0x1.3fb8fcp-1f, 0x1.c4b2d0p-1f},
};
constexpr float kAtanTail8[] = {-0x1.555428p-2f, 0x1.98b22cp-3f, -0x1.0b09e6p-3f};
// expm1(r) = r + r^2 P(r), |r| <= ln(2) / 2.
constexpr float kExpm1[] = {0x1.fffffe0p-2f, 0x1.5554b40p-3f, 0x1.5556f20p-5f, 0x1.1225440p-7f,
                            0x1.6b9c800p-10f};
// 2^-30 (t - log1p(t)) / t^2 in 2^30 t, for t in [0, 1].
constexpr float kLog1pNum[] = {0x1.ffff5ep-32f, 0x1.1fa68ep-62f, 0x1.3dc890p-99f};
constexpr float kLog1pDen[] = {1.0f, 0x1.3a77ccp-30f, 0x1.4c2f64p-62f};
// exp(r) = 1 + r + r^2 P(r), |r| <= ln(2) / 16.
constexpr float kExpShort2[] = {0x1.00087ep-1f, 0x1.555c82p-3f};
constexpr float kExpShort3[] = {0x1.000000p-1f, 0x1.555c76p-3f, 0x1.555a40p-5f};
// 2^(j / 8) for j = 0..7: floats of their bits less j << 20.
alignas(64) constexpr float kRoots8[8] = {0x1.000000p+0f, 0x1.f72b84p-1f, 0x1.f06fe0p-1f,
                                          0x1.ebfdaep-1f, 0x1.ea09e6p-1f, 0x1.eace54p-1f,
                                          0x1.ee89fap-1f, 0x1.f5818ep-1f};
alignas(64) constexpr float kRoots16[16] = {
    0x1.000000p+0f, 0x1.f72b84p-1f, 0x1.f06fe0p-1f, 0x1.ebfdaep-1f, 0x1.ea09e6p-1f, 0x1.eace54p-1f,
    0x1.ee89fap-1f, 0x1.f5818ep-1f, 0x1.000000p+0f, 0x1.f72b84p-1f, 0x1.f06fe0p-1f, 0x1.ebfdaep-1f,
    0x1.ea09e6p-1f, 0x1.eace54p-1f, 0x1.ee89fap-1f, 0x1.f5818ep-1f};
// tan(r) / r in z = r^2 <= (pi / 4)^2.
constexpr float kTanNum[] = {1.0f, -0x1.8851e6p-4f};
constexpr float kTanDen[] = {1.0f, -0x1.b769f0p-2f, 0x1.3e28cep-7f};

}  // namespace opkit::tables

#endif  // OPKIT_MATH_ELEMENTARY_TABLES_H_
