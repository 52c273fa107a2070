// Written by fit_elementary64.py; do not edit.
// Coefficients of the float64 elementary functions, lowest powers first, and the worst
// error that the fit leaves in the function's result, relative to its size.
// clang-format off
#ifndef OPKIT_MATH_ELEMENTARY64_TABLES_H_
#define OPKIT_MATH_ELEMENTARY64_TABLES_H_

namespace opkit::tables64 {

// (expm1(r) - r) / r^2, |r| <= ln(2) / 2. 2^-55.5.
constexpr double kExpm1[10] = {
    0x1.0000000000005p-1,
    0x1.555555555553dp-3,
    0x1.5555555552109p-5,
    0x1.1111111118205p-7,
    0x1.6c16c17f31633p-10,
    0x1.a01a01798d13bp-13,
    0x1.a019a69621ab8p-16,
    0x1.71de7e4a68edbp-19,
    0x1.28a29e6a66b73p-22,
    0x1.ae7aca0538ac5p-26};

// (atanh(s) / s - 1) / s^2 * 2 in s^2, |s| <= 3 - sqrt(8). 2^-59.4.
constexpr double kLog[7] = {
    0x1.5555555555594p-1,
    0x1.999999997f69ep-2,
    0x1.24924942499f7p-2,
    0x1.c71c51c715225p-3,
    0x1.74664bcdce6e8p-3,
    0x1.39a0793be40adp-3,
    0x1.2f11c51fc70efp-3};

// (atan(y) / y - 1) / y^2 in y^2, |y| <= 1/2. 2^-57.7.
constexpr double kAtan[12] = {
    -0x1.5555555555513p-2,
    0x1.9999999990cbbp-3,
    -0x1.2492492149917p-3,
    0x1.c71c708b040d1p-4,
    -0x1.745cf4494c2d6p-4,
    0x1.3b11369e926a2p-4,
    -0x1.10f2dcbd9c959p-4,
    0x1.dfe63cb880c05p-5,
    -0x1.a38b0e99fd565p-5,
    0x1.56d2be7a2d2dep-5,
    -0x1.c115eca61112fp-6,
    0x1.4af7c0de4cff1p-7};

// (asin(s) / s - 1) / s^2 in s^2, |s| <= 1/2. 2^-59.7.
constexpr double kAsin[13] = {
    0x1.5555555555577p-3,
    0x1.333333332e1ccp-4,
    0x1.6db6db7207530p-5,
    0x1.f1c71a99f9858p-6,
    0x1.6e8bde42f05cep-6,
    0x1.1c49fc20378d3p-6,
    0x1.ca1e67e5764fcp-7,
    0x1.758f2923fa08dp-7,
    0x1.6105c18d28784p-7,
    0x1.e93902ccc2c64p-9,
    0x1.629d335049e10p-6,
    -0x1.5693df4075196p-6,
    0x1.0ad5d44d2fc90p-5};

// (sin(r) / r - 1) / r^2 in r^2, |r| <= pi/4. 2^-57.9.
constexpr double kSin[6] = {
    -0x1.5555555555548p-3,
    0x1.111111110f777p-7,
    -0x1.a01a019bf6b43p-13,
    0x1.71de356372e4dp-19,
    -0x1.ae5e5807a2b06p-26,
    0x1.5d8f3e7adc184p-33};

// (cos(r) - 1 + r^2 / 2) / r^4 in r^2, |r| <= pi/4. 2^-64.1.
constexpr double kCos[6] = {
    0x1.555555555554bp-5,
    -0x1.6c16c16c15047p-10,
    0x1.a01a019c96c74p-16,
    -0x1.27e4f7f83f10dp-22,
    0x1.1ee9e0d0ece0ep-29,
    -0x1.8fa940002965cp-37};

// (tan(r) / r - 1) / r^2 in r^2, |r| <= pi/4. 2^-59.9.
constexpr double kTan[15] = {
    0x1.555555555555dp-2,
    0x1.1111111110705p-3,
    0x1.ba1ba1baaf25bp-5,
    0x1.664f486087e1ap-6,
    0x1.226e3a154820ep-7,
    0x1.d6d2f91e63906p-9,
    0x1.7db099ca9c25fp-10,
    0x1.34c59267d99d9p-11,
    0x1.fea8aca275dbep-13,
    0x1.6120af4a5a165p-14,
    0x1.1527c14a8f6e3p-14,
    -0x1.96025e3fc2e77p-16,
    0x1.8e0622748ee35p-15,
    -0x1.8d72db263570dp-16,
    0x1.4477f91b8fc83p-17};

// (log(erfc(a)) / a + kErf0) in a, 0 <= a <= 5.93. 2^-57.3.
constexpr double kErf[25] = {
    -0x1.6c954a7462e27p-57,
    -0x1.45f306dc9c898p-1,
    -0x1.a4f4e2a1b1e14p-4,
    0x1.39668593c6e6bp-6,
    0x1.b6b68c66df581p-13,
    -0x1.bca67c5165034p-10,
    0x1.3565553891a99p-11,
    -0x1.b22e8114b1b19p-16,
    -0x1.0e7da7c4718f9p-14,
    0x1.f29f1e79491e3p-16,
    -0x1.c875d39b34e59p-19,
    -0x1.7d9ee952610dap-19,
    0x1.d5b507193e06fp-20,
    -0x1.704dbf68da325p-22,
    -0x1.1d6431f0cee57p-23,
    0x1.2baaf7d8520dap-23,
    -0x1.165f5a9f95d74p-24,
    0x1.62e8cd0d1ade1p-26,
    -0x1.51f99aa3c88ffp-28,
    0x1.ea662a7142a2ap-31,
    -0x1.0d020da5ed41dp-33,
    0x1.b1a7316f36232p-37,
    -0x1.e54a71245d8bfp-41,
    0x1.50f903c02dcf0p-45,
    -0x1.b560961d12922p-51};
constexpr double kErf0 = 0x1.20dd750429b6dp+0;  // 2 / sqrt(pi)

// exp(a^2) erfc(a) / t in t - 3/8, t = 4 / (a + 4), 0 <= a <= 27.4. 2^-54.1.
constexpr double kErfc[24] = {
    0x1.c9269e94ebbb3p-3,
    0x1.58eb34f526b04p-2,
    0x1.dfaa8d4210bb9p-2,
    0x1.31535b2a45250p-1,
    0x1.608ba025b8799p-1,
    0x1.6c441ceb38490p-1,
    0x1.49da385ce1132p-1,
    0x1.f90dd984e89a9p-2,
    0x1.2f5dda4d5ca30p-2,
    0x1.c5d958a3ecbc9p-4,
    -0x1.8c2de9b6ad671p-7,
    -0x1.b6ec3c71e8ebep-5,
    -0x1.1d973ae5d1f4ap-5,
    0x1.c9d6e692af20ap-12,
    0x1.1cf5a6b93f4c9p-6,
    0x1.4a48d700bf1ebp-7,
    -0x1.139118860002ep-8,
    -0x1.e7b0f77c50adfp-8,
    -0x1.4c2e7df76ab0bp-10,
    0x1.79c56f349e435p-9,
    0x1.0022ad9955eefp-7,
    -0x1.7366fb23d1e59p-7,
    0x1.735f8b214ca2bp-8,
    -0x1.10acfbdf1cbfdp-10};

}  // namespace opkit::tables64

#endif  // OPKIT_MATH_ELEMENTARY64_TABLES_H_
