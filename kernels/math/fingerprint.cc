#include "math/fingerprint.h"

#include <cstring>
#include <utility>

namespace opkit::math {
namespace {

// The constants of CityHash and FarmHash: primes between 2^63 and 2^64.
constexpr uint64_t kP0 = 0xc3a5c85c97cb3127u;
constexpr uint64_t kP1 = 0xb492b66fbe98f273u;
constexpr uint64_t kP2 = 0x9ae16a3b2f90404fu;

struct Pair {
  uint64_t lo = 0;
  uint64_t hi = 0;
};

uint64_t Word(const char* p) {  // little endian, as all supported machines
  uint64_t v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

uint64_t HalfWord(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

uint64_t Right(uint64_t v, int by) { return (v >> by) | (v << (64 - by)); }
uint64_t Fold(uint64_t v) { return v ^ (v >> 47); }

// Two words to one, in the manner of Murmur.
uint64_t Join(uint64_t u, uint64_t v, uint64_t factor) {
  return Fold((v ^ Fold((u ^ v) * factor)) * factor) * factor;
}

uint64_t UpTo16(const char* s, size_t n) {
  const uint64_t factor = kP2 + 2 * n;
  if (n >= 8) {
    const uint64_t head = Word(s) + kP2, tail = Word(s + n - 8);
    return Join(Right(tail, 37) * factor + head, (Right(head, 25) + tail) * factor, factor);
  }
  if (n >= 4) return Join(n + (HalfWord(s) << 3), HalfWord(s + n - 4), factor);
  if (n == 0) return kP2;
  const auto byte = [s](size_t i) { return uint64_t{static_cast<unsigned char>(s[i])}; };
  const uint64_t y = byte(0) + (byte(n >> 1) << 8);
  const uint64_t z = n + (byte(n - 1) << 2);
  return Fold((y * kP2) ^ (z * kP0)) * kP2;
}

uint64_t UpTo32(const char* s, size_t n) {
  const uint64_t factor = kP2 + 2 * n;
  const uint64_t a = Word(s) * kP1, b = Word(s + 8);
  const uint64_t c = Word(s + n - 8) * factor, d = Word(s + n - 16) * kP2;
  return Join(Right(a + b, 43) + Right(c, 30) + d, a + Right(b + kP2, 18) + c, factor);
}

uint64_t UpTo64(const char* s, size_t n) {
  const uint64_t factor = kP2 + 2 * n;
  const uint64_t a = Word(s) * kP2, b = Word(s + 8);
  const uint64_t c = Word(s + n - 8) * factor, d = Word(s + n - 16) * kP2;
  const uint64_t y = Right(a + b, 43) + Right(c, 30) + d;
  const uint64_t z = Join(y, a + Right(b + kP2, 18) + c, factor);
  const uint64_t e = Word(s + 16) * factor, f = Word(s + 24);
  const uint64_t g = (y + Word(s + n - 32)) * factor;
  const uint64_t h = (z + Word(s + n - 24)) * factor;
  return Join(Right(e + f, 43) + Right(g, 30) + h, e + Right(f + a, 18) + g, factor);
}

// 32 bytes and two seeds to two words.
Pair Absorb32(const char* s, uint64_t a, uint64_t b) {
  const uint64_t w = Word(s), x = Word(s + 8), y = Word(s + 16), z = Word(s + 24);
  a += w;
  b = Right(b + a + z, 21);
  const uint64_t kept = a;
  a += x + y;
  return {a + z, b + Right(a, 44) + kept};
}

struct State {
  uint64_t x, y, z;
  Pair v, w;

  // 64 bytes; the last block uses another factor and weighs some words nine times.
  void Absorb64(const char* s, uint64_t factor, uint64_t weight) {
    x = Right(x + y + v.lo + Word(s + 8), 37) * factor;
    y = Right(y + v.hi + Word(s + 48), 42) * factor;
    x ^= w.hi * weight;
    y += v.lo * weight + Word(s + 40);
    z = Right(z + w.lo, 33) * factor;
    v = Absorb32(s, v.hi * factor, x + w.lo);
    w = Absorb32(s + 32, z + w.hi, y + Word(s + 16));
    std::swap(z, x);
  }
};

}  // namespace

uint64_t Fingerprint64(std::string_view text) {
  const char* s = text.data();
  const size_t n = text.size();
  if (n <= 16) return UpTo16(s, n);
  if (n <= 32) return UpTo32(s, n);
  if (n <= 64) return UpTo64(s, n);
  constexpr uint64_t kSeed = 81;
  State t;
  t.y = kSeed * kP1 + 113;
  t.z = Fold(t.y * kP2 + 113) * kP2;
  t.x = kSeed * kP2 + Word(s);
  const size_t whole = (n - 1) / 64 * 64;  // at least one byte is left for the last block
  for (size_t at = 0; at < whole; at += 64) t.Absorb64(s + at, kP1, 1);
  const uint64_t factor = kP1 + ((t.z & 0xff) << 1);
  t.w.lo += (n - 1) & 63;
  t.v.lo += t.w.lo;
  t.w.lo += t.v.lo;
  t.Absorb64(s + n - 64, factor, 9);
  return Join(Join(t.v.lo, t.w.lo, factor) + Fold(t.y) * kP0 + t.z,
              Join(t.v.hi, t.w.hi, factor) + t.x, factor);
}

}  // namespace opkit::math
