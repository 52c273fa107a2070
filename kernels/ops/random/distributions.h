// From Philox words to the values TensorFlow draws from them, bit for bit. The normal
// distributions give what libm's log and sincos give, so they equal TF where both use the same
// libm.
#ifndef OPKIT_OPS_RANDOM_DISTRIBUTIONS_H_
#define OPKIT_OPS_RANDOM_DISTRIBUTIONS_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "opkit/dtype.h"
#include "ops/random/philox.h"

namespace opkit::random {

inline float UnitFloat(uint32_t word) {  // [0, 1): 23 random bits
  const uint32_t bits = 0x3f800000u | (word & 0x7fffffu);
  float v;
  std::memcpy(&v, &bits, 4);
  return v - 1.0f;
}

inline double UnitDouble(uint32_t high, uint32_t low) {  // [0, 1): 52 random bits
  const uint64_t bits = uint64_t{1023} << 52 | uint64_t{high & 0xfffffu} << 32 | low;
  double v;
  std::memcpy(&v, &bits, 8);
  return v - 1.0;
}

constexpr double kTwoPi = 6.283185307179586476925286766559;

// Box and Muller (1958): two uniform words to two normal values.
inline void BoxMuller(const uint32_t* words, float* out) {
  const float u = std::fmax(UnitFloat(words[0]), 1.0e-7f);
  const auto angle = static_cast<float>(kTwoPi * static_cast<double>(UnitFloat(words[1])));
  const float radius = std::sqrt(-2.0f * std::log(u));
  out[0] = std::sin(angle) * radius;
  out[1] = std::cos(angle) * radius;
}

inline void BoxMuller(const uint32_t* words, double* out) {
  const double u = std::fmax(UnitDouble(words[0], words[1]), 1.0e-7);
  const double angle = kTwoPi * UnitDouble(words[2], words[3]);
  const double radius = std::sqrt(-2.0 * std::log(u));
  out[0] = std::sin(angle) * radius;
  out[1] = std::cos(angle) * radius;
}

// Values per group of four words.
template <typename T>
constexpr int kPerGroup = sizeof(T) == 8 ? 2 : 4;

struct Uniform {
  template <typename T>
  void operator()(const uint32_t* w, T* out) const {
    if constexpr (std::is_same_v<T, double>) {
      out[0] = UnitDouble(w[0], w[1]);
      out[1] = UnitDouble(w[2], w[3]);
    } else {
      for (int i = 0; i < 4; ++i) {
        if constexpr (std::is_same_v<T, Half>) {
          out[i] = Half(static_cast<float>(w[i] & 0x3ffu) * (1.0f / 1024.0f));
        } else if constexpr (std::is_same_v<T, BFloat16>) {
          out[i] = BFloat16(static_cast<float>(w[i] & 0x7fu) * (1.0f / 128.0f));
        } else {
          out[i] = UnitFloat(w[i]);
        }
      }
    }
  }
};

struct NormalDouble {
  void operator()(const uint32_t* w, double* out) const { BoxMuller(w, out); }
};

struct FullInt {
  template <typename T>
  void operator()(const uint32_t* w, T* out) const {
    if constexpr (sizeof(T) == 8) {
      for (int i = 0; i < 2; ++i) {
        out[i] = static_cast<T>(w[2 * i] | static_cast<uint64_t>(w[2 * i + 1]) << 32);
      }
    } else {
      for (int i = 0; i < 4; ++i) out[i] = static_cast<T>(w[i]);
    }
  }
};

// low + word % (high - low), as TF: not exactly uniform for ranges that do not divide 2^n.
template <typename T>
struct UniformInt {
  using U = std::make_unsigned_t<T>;
  U low, range;
  void operator()(const uint32_t* w, T* out) const {
    U words[kPerGroup<T>];
    FullInt()(w, words);
    for (int i = 0; i < kPerGroup<T>; ++i) out[i] = static_cast<T>(low + words[i] % range);
  }
};

// TF gives each group of normal values within two standard deviations its own 256 words per value,
// so results do not depend on how work is split.
template <typename T>
constexpr uint64_t kTruncatedStride = 256 * kPerGroup<T> / 4;

// One such group, by rejection.
inline void TruncatedGroup(Philox at, double* out) {
  for (int count = 0; count < 2;) {
    double v[2];
    BoxMuller(at.Next().v, v);
    for (const double value : v) {
      if (std::fabs(value) < 2.0 && count < 2) out[count++] = value;
    }
  }
}

}  // namespace opkit::random

#endif  // OPKIT_OPS_RANDOM_DISTRIBUTIONS_H_
