// From Philox words to the values TensorFlow draws from them, bit for bit. The normal
// distributions call libm's log and sincos, so they equal TF where both use the same libm.
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

// In what precision T is drawn before it is rounded.
template <typename T>
using Work = std::conditional_t<std::is_same_v<T, double>, double, float>;

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

struct Normal {
  template <typename T>
  void operator()(const uint32_t* w, T* out) const {
    if constexpr (std::is_same_v<T, double>) {
      BoxMuller(w, out);
    } else {
      float v[4];
      BoxMuller(w, v);
      BoxMuller(w + 2, v + 2);
      for (int i = 0; i < 4; ++i) out[i] = T(v[i]);
    }
  }
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

// One group of normal values within two standard deviations, by rejection. TF gives each group
// its own 256 words per value, so results do not depend on how work is split.
template <typename T>
void TruncatedGroup(Philox at, T* out) {
  using W = Work<T>;
  constexpr int kWords = std::is_same_v<T, double> ? 4 : 2;
  Group words = {};
  int used = 4, count = 0;
  for (;;) {
    if (used == 4) {
      words = at.Next();
      used = 0;
    }
    W v[2];
    BoxMuller(words.v + used, v);
    used += kWords;
    for (const W value : v) {
      if (std::fabs(value) < W(2)) {
        out[count++] = T(value);
        if (count == kPerGroup<T>) return;
      }
    }
  }
}

}  // namespace opkit::random

#endif  // OPKIT_OPS_RANDOM_DISTRIBUTIONS_H_
