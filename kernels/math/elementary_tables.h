// Coefficients of the float32 elementary functions: weighted minimax fits
// against 40-digit values (mpmath), rounded to float one coefficient at a time
// with the rest fitted again. Piece centres are floats at which the function's
// value is almost a float itself, so that the leading coefficient is exact.
#ifndef OPKIT_MATH_ELEMENTARY_TABLES_H_
#define OPKIT_MATH_ELEMENTARY_TABLES_H_

namespace opkit::tables {

// erf(a) / a for a in [0, 3.9375], by pieces of equal width: row 0 holds the
// centres, row 1 + j the coefficients of (a - centre)^j. Relative error 2^-28.
constexpr float kErfScale16 = 0x1.f6474a0p+1f;
alignas(64) constexpr float kErf16[7][16] = {
    {0x1.c373ae0p-5f, 0x1.dce51e0p-3f, 0x1.f367000p-2f, 0x1.94efca0p-1f, 0x1.0dcf9e0p+0f,
     0x1.4f57e20p+0f, 0x1.9094fe0p+0f, 0x1.c7fc680p+0f, 0x1.04388e0p+1f, 0x1.2951380p+1f,
     0x1.48b05e0p+1f, 0x1.6564dc0p+1f, 0x1.86d2160p+1f, 0x1.a6377e0p+1f, 0x1.ca49200p+1f,
     0x1.e497d80p+1f},
    {0x1.2092aa0p+0f, 0x1.1bba540p+0f, 0x1.0b823c0p+0f, 0x1.dce1600p-1f, 0x1.a3ae280p-1f,
     0x1.6ddd1a0p-1f, 0x1.3e66b40p-1f, 0x1.1c107e0p-1f, 0x1.f5a9120p-2f, 0x1.b866340p-2f,
     0x1.8ea8ea0p-2f, 0x1.6eb7040p-2f, 0x1.4f5efe0p-2f, 0x1.366fce0p-2f, 0x1.1e01420p-2f,
     0x1.0e7a7a0p-2f},
    {-0x1.52fcde0p-5f, -0x1.5b4c160p-3f, -0x1.4659c60p-2f, -0x1.a855ae0p-2f, -0x1.b363360p-2f,
     -0x1.90011e0p-2f, -0x1.5725540p-2f, -0x1.23c8b00p-2f, -0x1.db4bd00p-3f, -0x1.76af120p-3f,
     -0x1.3543f00p-3f, -0x1.06560a0p-3f, -0x1.b738e20p-4f, -0x1.786c840p-4f, -0x1.3f85f20p-4f,
     -0x1.1dc6660p-4f},
    {-0x1.7f0d420p-2f, -0x1.5cc0060p-2f, -0x1.e36a9c0p-3f, -0x1.46870c0p-4f, 0x1.04eec20p-5f,
     0x1.8674d00p-4f, 0x1.ddbfda0p-4f, 0x1.cda2f40p-4f, 0x1.897a520p-4f, 0x1.2da4aa0p-4f,
     0x1.d518120p-5f, 0x1.7404b20p-5f, 0x1.1ee0b40p-5f, 0x1.c81eea0p-6f, 0x1.64ec3e0p-6f,
     0x1.2ded280p-6f},
    {0x1.9619e80p-6f, 0x1.93a3d20p-4f, 0x1.52640c0p-3f, 0x1.514ad80p-3f, 0x1.d068980p-4f,
     0x1.b0881e0p-5f, 0x1.a44e360p-8f, -0x1.05e5fc0p-6f, -0x1.a4ff340p-6f, -0x1.91b0e00p-6f,
     -0x1.4556600p-6f, -0x1.fa6c5e0p-7f, -0x1.71765e0p-7f, -0x1.1316700p-7f, -0x1.8e59640p-8f,
     -0x1.3ee5ec0p-8f},
    {0x1.c8da000p-4f, 0x1.77a7720p-4f, 0x1.221a4a0p-5f, -0x1.06591e0p-5f, -0x1.e51b660p-5f,
     -0x1.c117100p-5f, -0x1.1e37dc0p-5f, -0x1.1dfd540p-6f, -0x1.b436fa0p-9f, 0x1.fd10f80p-9f,
     0x1.4dec780p-8f, 0x1.2ab7a40p-8f, 0x1.c247940p-9f, 0x1.4583360p-9f, 0x1.bb38ce0p-10f,
     0x1.5039f20p-10f},
    {-0x1.49e2580p-7f, -0x1.2843580p-5f, -0x1.975c180p-5f, -0x1.2a6b4c0p-5f, -0x1.5989280p-7f,
     0x1.48fcf00p-7f, 0x1.1ab88a0p-6f, 0x1.cfadc80p-7f, 0x1.03da7e0p-7f, 0x1.72e0d20p-9f,
     0x1.30be760p-14f, -0x1.b52b7c0p-11f, -0x1.c3b8080p-11f, -0x1.6992760p-11f, -0x1.b924b00p-12f,
     -0x1.500fc40p-12f},
};
constexpr float kErfScale8 = 0x1.e613720p+0f;
alignas(64) constexpr float kErf8[8][8] = {
    {0x1.48b5180p-3f, 0x1.20762e0p-1f, 0x1.185f3e0p+0f, 0x1.8605140p+0f, 0x1.0c3cd60p+1f,
     0x1.4988820p+1f, 0x1.9907c80p+1f, 0x1.d55d860p+1f},
    {0x1.1e67560p+0f, 0x1.0501280p+0f, 0x1.9abb360p-1f, 0x1.4594d60p-1f, 0x1.e727de0p-2f,
     0x1.8da4740p-2f, 0x1.4071920p-2f, 0x1.1740ee0p-2f},
    {-0x1.e6f7d40p-4f, -0x1.67fbc60p-2f, -0x1.b01ef80p-2f, -0x1.60f5240p-2f, -0x1.c346ec0p-3f,
     -0x1.33b93c0p-3f, -0x1.910f280p-4f, -0x1.309e240p-4f},
    {-0x1.6f90c00p-2f, -0x1.9484960p-3f, 0x1.72d9460p-5f, 0x1.d8fb240p-4f, 0x1.7576f40p-4f,
     0x1.d1e3220p-5f, 0x1.f557b80p-6f, 0x1.4c42c40p-6f},
    {0x1.1fbfa80p-4f, 0x1.6275bc0p-3f, 0x1.a7c3640p-4f, 0x1.98d4440p-7f, -0x1.ad85500p-6f,
     -0x1.431fe40p-6f, -0x1.3705ca0p-7f, -0x1.6a30020p-8f},
    {0x1.a4b1500p-4f, 0x1.12c1420p-6f, -0x1.ef1a8c0p-5f, -0x1.3ababe0p-5f, -0x1.f943740p-11f,
     0x1.4df4180p-8f, 0x1.75a4bc0p-9f, 0x1.8972680p-10f},
    {-0x1.92aa8a0p-6f, -0x1.8b85200p-5f, -0x1.d1975c0p-9f, 0x1.1796940p-6f, 0x1.b33bcc0p-8f,
     -0x1.2cf44a0p-15f, -0x1.8f67360p-11f, -0x1.a645380p-12f},
    {-0x1.895c880p-6f, 0x1.0352bc0p-9f, 0x1.0132260p-6f, -0x1.d411820p-12f, -0x1.e40f760p-9f,
     -0x1.8253c20p-11f, 0x1.f7ba8c0p-14f, 0x1.99e0cc0p-14f},
};
// exp(a^2) erfc(a) for a in [0, 10.2]: the pieces are quarters (16 entries) or
// halves (8) of the octaves of 1 + a, entered by the low bits of
// bits(1 + a) >> 21 or >> 22. Relative error 2^-26.
alignas(64) constexpr float kErfcx16[8][16] = {
    {0x1.4a2d0e0p+0f, 0x1.b991680p+0f, 0x1.16a3d80p+1f, 0x1.6195820p+1f, 0x1.c451ec0p+1f,
     0x1.1f60420p+2f, 0x1.6343960p+2f, 0x1.968b440p+2f, 0x1.ef95820p+2f, 0x1.3700680p+3f,
     0x1.3700680p+3f, 0x1.3700680p+3f, 0x1.4020c40p-3f, 0x1.8343960p-2f, 0x1.3d68720p-1f,
     0x1.cfa5e40p-1f},
    {0x1.7052060p-2f, 0x1.2737be0p-2f, 0x1.e6e0b80p-3f, 0x1.8b06000p-3f, 0x1.3b35b40p-3f,
     0x1.f6bd240p-4f, 0x1.99db4c0p-4f, 0x1.67721a0p-4f, 0x1.28013e0p-4f, 0x1.d914100p-5f,
     0x1.d914100p-5f, 0x1.d914100p-5f, 0x1.b0df460p-1f, 0x1.5e28c40p-1f, 0x1.1e36920p-1f,
     0x1.d1bf620p-2f},
    {-0x1.9ac1700p-3f, -0x1.1210d60p-3f, -0x1.7e5a320p-4f, -0x1.0107880p-4f, -0x1.4cb3a00p-5f,
     -0x1.abfac80p-6f, -0x1.1e73640p-6f, -0x1.ba1a980p-7f, -0x1.2ce9060p-7f, -0x1.8165340p-8f,
     -0x1.8165340p-8f, -0x1.8165340p-8f, -0x1.ba674a0p-1f, -0x1.38e0e20p-1f, -0x1.bdb9240p-2f,
     -0x1.37eee20p-2f},
    {0x1.9dbd240p-4f, 0x1.d6d3360p-5f, 0x1.1ad8360p-5f, 0x1.4024160p-6f, 0x1.549eea0p-7f,
     0x1.64e1580p-8f, 0x1.8ab5360p-9f, 0x1.0cd8620p-9f, 0x1.2f84cc0p-10f, 0x1.3860700p-11f,
     0x1.3860700p-11f, 0x1.3860700p-11f, 0x1.6bb81a0p-1f, 0x1.cfaa3e0p-2f, 0x1.281b140p-2f,
     0x1.6e8b8e0p-3f},
    {-0x1.7fd7b60p-5f, -0x1.7ad90c0p-6f, -0x1.8d4e5a0p-7f, -0x1.7f5edc0p-8f, -0x1.52fec20p-9f,
     -0x1.23cdd80p-10f, -0x1.0c35f00p-11f, -0x1.436d1a0p-12f, -0x1.2fd54e0p-13f, -0x1.f7d9fc0p-15f,
     -0x1.f7d9fc0p-15f, -0x1.f7d9fc0p-15f, -0x1.0108ca0p-1f, -0x1.2c42380p-2f, -0x1.5d88720p-3f,
     -0x1.85431e0p-4f},
    {0x1.4c04e00p-6f, 0x1.20413c0p-7f, 0x1.0aa68c0p-8f, 0x1.bafb4e0p-10f, 0x1.486ff20p-11f,
     0x1.d47c520p-13f, 0x1.67a3f20p-14f, 0x1.811cf40p-15f, 0x1.2e92340p-16f, 0x1.9444b00p-18f,
     0x1.9444b00p-18f, 0x1.9444b00p-18f, 0x1.43669c0p-2f, 0x1.5e1d8a0p-3f, 0x1.7789340p-4f,
     0x1.7c8a280p-5f},
    {-0x1.120c7c0p-7f, -0x1.a5aa9c0p-9f, -0x1.56a9880p-10f, -0x1.f461940p-12f, -0x1.3dd6c60p-13f,
     -0x1.77f1160p-15f, -0x1.e18ee00p-17f, -0x1.c7075e0p-18f, -0x1.2bafa60p-19f, -0x1.45dd340p-21f,
     -0x1.45dd340p-21f, -0x1.45dd340p-21f, -0x1.732e6a0p-3f, -0x1.7a45300p-4f, -0x1.7815bc0p-5f,
     -0x1.57873a0p-6f},
    {0x1.d5d40e0p-9f, 0x1.16135c0p-10f, 0x1.6fd1e00p-12f, 0x1.12cd3e0p-13f, 0x1.352c500p-15f,
     0x1.227ebe0p-17f, 0x1.473ac00p-19f, 0x1.dfe9e00p-21f, 0x1.e378440p-23f, 0x1.09d4b20p-24f,
     0x1.09d4b20p-24f, 0x1.09d4b20p-24f, 0x1.b6dcba0p-4f, 0x1.7457860p-5f, 0x1.5a13e00p-6f,
     0x1.5f59b20p-7f},
};
alignas(64) constexpr float kErfcx8[10][8] = {
    {0x1.676c8c0p+0f, 0x1.4235400p+1f, 0x1.fde3540p+1f, 0x1.824dd20p+2f, 0x1.1dcc640p+3f,
     0x1.1dcc640p+3f, 0x1.33d70a0p-2f, 0x1.8af1aa0p-1f},
    {0x1.5a23500p-2f, 0x1.ad1eb80p-3f, 0x1.19ac620p-3f, 0x1.79ce0a0p-4f, 0x1.0127940p-4f,
     0x1.0127940p-4f, 0x1.77e51a0p-1f, 0x1.ff28200p-2f},
    {-0x1.6f02820p-3f, -0x1.2d08200p-4f, -0x1.0b50ac0p-5f, -0x1.e7d9840p-7f, -0x1.c715440p-8f,
     -0x1.c715440p-8f, -0x1.5fb92a0p-1f, -0x1.6edf8a0p-2f},
    {0x1.61fd080p-4f, 0x1.91df100p-6f, 0x1.eebf9e0p-8f, 0x1.371cf20p-9f, 0x1.90491c0p-11f,
     0x1.90491c0p-11f, 0x1.0e28780p-1f, 0x1.c851e20p-3f},
    {-0x1.3c07100p-5f, -0x1.00affe0p-7f, -0x1.bf31bc0p-10f, -0x1.881be60p-12f, -0x1.5e07da0p-14f,
     -0x1.5e07da0p-14f, -0x1.68ae520p-2f, -0x1.fd02400p-4f},
    {0x1.083df40p-6f, 0x1.3b31aa0p-9f, 0x1.8b51280p-12f, 0x1.e887680p-15f, 0x1.3064b80p-17f,
     0x1.3064b80p-17f, 0x1.afe4020p-3f, 0x1.03ffc20p-4f},
    {-0x1.a17fe80p-8f, -0x1.7558f40p-11f, -0x1.5535a20p-14f, -0x1.2cd84c0p-17f, -0x1.0729f20p-20f,
     -0x1.0729f20p-20f, -0x1.d8501a0p-4f, -0x1.ecc16c0p-6f},
    {0x1.3c82340p-9f, 0x1.ab0b440p-13f, 0x1.2275e40p-16f, 0x1.6e6ec60p-20f, 0x1.bcc93c0p-24f,
     0x1.bcc93c0p-24f, 0x1.e25ece0p-5f, 0x1.b91db20p-7f},
    {-0x1.d02ad00p-11f, -0x1.e7177c0p-15f, -0x1.090cf00p-18f, -0x1.cb7ca00p-23f, -0x1.8873e80p-27f,
     -0x1.8873e80p-27f, -0x1.fdd7a60p-6f, -0x1.949bb40p-8f},
    {0x1.f5c8040p-13f, 0x1.184e120p-16f, 0x1.a23a080p-21f, 0x1.1b6de80p-25f, 0x1.e085620p-30f,
     0x1.e085620p-30f, 0x1.0e3fa40p-7f, 0x1.b351dc0p-10f},
};
// atan(y) = y + y z P(z), z = y^2 <= 1.
constexpr float kAtan[] = {-0x1.55553e0p-2f, 0x1.9991e60p-3f,  -0x1.2420b80p-3f,
                           0x1.c08f9a0p-4f,  -0x1.58165c0p-4f, 0x1.da63540p-5f,
                           -0x1.fe06d80p-6f, 0x1.64cece0p-7f,  -0x1.d4b18a0p-10f};
// expm1(r) = r + r^2 P(r), |r| <= ln(2) / 2.
constexpr float kExpm1[] = {0x1.fffffe0p-2f, 0x1.5554b40p-3f, 0x1.5556f20p-5f, 0x1.1225440p-7f,
                            0x1.6b9c800p-10f};
// log1p(m) = m - m^2 / 2 + m^3 P(m), m in [-1/4, 1/2].
constexpr float kLog1p[] = {0x1.5555a40p-2f, -0x1.0000460p-2f, 0x1.9969780p-3f, -0x1.54ee380p-3f,
                            0x1.28841c0p-3f, -0x1.0d98920p-3f, 0x1.accdae0p-4f, -0x1.718dd80p-5f};
// 2 atanh(w / 2) = w + w z P(z), z = w^2, |w| <= 0.51.
constexpr float kAtanhHalf[] = {0x1.555704p-4f, 0x1.9865c4p-7f, 0x1.4375acp-9f};
// (t - log1p(t)) / t^2 for t in [0, 1].
constexpr float kLog1pNum[] = {0x1.fffffap-2f, 0x1.cd9fd6p-2f, 0x1.280de8p-4f};
constexpr float kLog1pDen[] = {1.0f, 0x1.917a44p+0f, 0x1.615726p-1f, 0x1.362fccp-4f};
// asin(s) = s + s z P(z), z = s^2 <= 1/4.
constexpr float kAsin[] = {0x1.5555c80p-3f, 0x1.3302040p-4f, 0x1.747bb60p-5f, 0x1.8c3e840p-6f,
                           0x1.595c160p-5f};
// tan(r) / r in z = r^2 <= (pi / 4)^2.
constexpr float kTanNum[] = {1.0f, -0x1.8851e6p-4f};
constexpr float kTanDen[] = {1.0f, -0x1.b769f0p-2f, 0x1.3e28cep-7f};
// sinh(s) = s + s z P(z), z = s^2 <= 1.
constexpr float kSinh[] = {0x1.5555560p-3f, 0x1.1110e00p-7f, 0x1.a022bc0p-13f, 0x1.756c1e0p-19f};

}  // namespace opkit::tables

#endif  // OPKIT_MATH_ELEMENTARY_TABLES_H_
