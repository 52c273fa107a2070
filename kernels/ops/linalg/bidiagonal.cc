#include "ops/linalg/bidiagonal.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace opkit::linalg {
namespace {

struct Rotation {
  double c, s, r;
};

// c f + s g = r, c g - s f = 0
Rotation MakeRotation(double f, double g) {
  if (g == 0) return {1, 0, f};
  const double square = f * f + g * g;
  // Exact enough unless the squares leave double's range.
  const double r = square > 1e-280 && square < 1e280 ? std::sqrt(square) : std::hypot(f, g);
  return {f / r, g / r, r};
}

// Rotations of neighbours on their way to a factor, a few at a time: one pass over the rows serves
// them all, while the processor computes the next ones, which wait for each other.
class Chain {
 public:
  Chain(const Rotations& rotations, bool right) : rotations_(rotations), right_(right) {}
  void Add(size_t i, double c, double s) {
    if (rotations_.apply == nullptr) return;
    if (count_ == 0) first_ = i;
    c_[count_] = c;
    s_[count_] = s;
    if (++count_ == kCount) Flush();
  }
  void Flush() {
    if (count_ > 0) rotations_.apply(rotations_.self, right_, first_, 1, count_, c_, s_);
    count_ = 0;
  }

 private:
  static constexpr size_t kCount = 4;
  const Rotations& rotations_;
  const bool right_;
  size_t first_ = 0, count_ = 0;
  double c_[kCount], s_[kCount];
};

struct Iteration {
  double* d;
  double* e;
  const Rotations& rotations;

  void Turn(bool right, size_t i, size_t j, const Rotation& t) const {
    if (rotations.apply == nullptr) return;
    const ptrdiff_t step = static_cast<ptrdiff_t>(j) - static_cast<ptrdiff_t>(i);
    rotations.apply(rotations.self, right, i, step, 1, &t.c, &t.s);
  }

  // d[hi] is negligible: its superdiagonal neighbour moves out through the right factor.
  void ChaseUp(size_t lo, size_t hi) const {
    double f = e[hi - 1];
    e[hi - 1] = 0;
    for (size_t j = hi; j-- > lo;) {
      const Rotation t = MakeRotation(d[j], f);
      d[j] = t.r;
      if (j > lo) {
        f = -t.s * e[j - 1];
        e[j - 1] *= t.c;
      }
      Turn(true, j, hi, t);
    }
  }

  // d[at] is negligible: e[at] moves out through the left factor.
  void ChaseDown(size_t at, size_t hi) const {
    double f = e[at];
    e[at] = 0;
    for (size_t j = at + 1; j <= hi; ++j) {
      const Rotation t = MakeRotation(d[j], f);
      d[j] = t.r;
      if (j < hi) {
        f = -t.s * e[j];
        e[j] *= t.c;
      }
      Turn(false, j, at, t);
    }
  }

  // One implicit QR step with the Wilkinson shift of the trailing 2 x 2 block of B^T B.
  void Step(size_t lo, size_t hi) const {
    const double scale = std::max({std::abs(d[hi]), std::abs(d[hi - 1]), std::abs(e[hi - 1]),
                                   std::abs(d[lo]), std::abs(e[lo])});
    const double last = d[hi] / scale, before = d[hi - 1] / scale, link = e[hi - 1] / scale;
    const double first = d[lo] / scale, next = e[lo] / scale;
    const double b = ((before + last) * (before - last) + link * link) / 2;
    const double c = (last * link) * (last * link);
    double shift = 0;
    if (b != 0 || c != 0) {
      shift = std::sqrt(b * b + c);
      shift = c / (b + (b < 0 ? -shift : shift));
    }
    double f = (first + last) * (first - last) + shift;
    double g = first * next;
    Chain right(rotations, true), left(rotations, false);
    for (size_t j = lo; j < hi; ++j) {
      Rotation t = MakeRotation(f, g);
      if (j > lo) e[j - 1] = t.r;
      f = t.c * d[j] + t.s * e[j];
      e[j] = t.c * e[j] - t.s * d[j];
      g = t.s * d[j + 1];
      d[j + 1] *= t.c;
      right.Add(j, t.c, t.s);
      t = MakeRotation(f, g);
      d[j] = t.r;
      f = t.c * e[j] + t.s * d[j + 1];
      d[j + 1] = t.c * d[j + 1] - t.s * e[j];
      if (j + 1 < hi) {
        g = t.s * e[j + 1];
        e[j + 1] *= t.c;
      }
      left.Add(j, t.c, t.s);
    }
    e[hi - 1] = f;
    right.Flush();
    left.Flush();
  }
};

}  // namespace

bool DiagonaliseBidiagonal(size_t n, double* d, double* e, double eps,
                           const Rotations& rotations) noexcept {
  if (n == 0) return true;
  const Iteration iteration{d, e, rotations};
  double norm = 0;
  for (size_t i = 0; i < n; ++i) {
    norm = std::max(norm, std::abs(d[i]) + (i + 1 < n ? std::abs(e[i]) : 0));
  }
  if (!(norm <= 1e300)) return norm == 0;
  const double tiny = norm * eps * 1e-3;  // far below what the factors' rounding can show
  size_t hi = n - 1;
  size_t left = 60 * n;  // two or three steps a value are usual
  while (hi > 0) {
    // [lo, hi] is the last block whose superdiagonal has no negligible entry.
    size_t lo = hi;
    while (lo > 0) {
      const double x = std::abs(e[lo - 1]);
      if (x <= tiny || x <= eps * (std::abs(d[lo - 1]) + std::abs(d[lo]))) {
        e[lo - 1] = 0;
        break;
      }
      --lo;
    }
    if (lo == hi) {
      --hi;
      continue;
    }
    if (left-- == 0) return false;
    size_t zero = hi + 1;
    while (zero-- > lo) {
      const double neighbours =
          (zero < hi ? std::abs(e[zero]) : 0) + (zero > lo ? std::abs(e[zero - 1]) : 0);
      if (std::abs(d[zero]) <= tiny || std::abs(d[zero]) <= eps * neighbours * 1e-3) break;
      if (zero == lo) {
        zero = n;
        break;
      }
    }
    if (zero == n) {
      iteration.Step(lo, hi);
    } else if (zero == hi) {
      d[hi] = 0;
      iteration.ChaseUp(lo, hi);
    } else {
      d[zero] = 0;
      iteration.ChaseDown(zero, hi);
    }
  }
  return true;
}

bool DiagonaliseTridiagonal(size_t n, double* d, double* e, double eps,
                            const Rotations& rotations) noexcept {
  if (n == 0) return true;
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(d[i]) || (i + 1 < n && !std::isfinite(e[i]))) return false;
  }
  size_t end = n - 1;
  size_t start = 0;
  size_t left = 30 * n;
  const double inverse_eps = 1 / eps;  // exact: a power of two
  while (end > 0) {
    for (size_t i = start; i < end; ++i) {
      const double scaled = e[i] * inverse_eps;
      e[i] = scaled * scaled <= std::abs(d[i]) + std::abs(d[i + 1]) ? 0 : e[i];
    }
    while (end > 0 && e[end - 1] == 0) --end;
    if (end == 0) break;
    if (left-- == 0) return false;
    start = end - 1;
    while (start > 0 && e[start - 1] != 0) --start;
    const double half = (d[end - 1] - d[end]) / 2, link = e[end - 1];
    double shift = d[end];
    if (half == 0) {
      shift -= std::abs(link);
    } else {
      const double h = std::hypot(half, link);
      shift -= link / ((half + (half > 0 ? h : -h)) / link);
    }
    double x = d[start] - shift, z = e[start];
    Chain chain(rotations, true);
    for (size_t k = start; k < end && z != 0; ++k) {
      const Rotation r = MakeRotation(x, z);
      const double c = r.c, s = -r.s;
      const double a = s * d[k] + c * e[k], b = s * e[k] + c * d[k + 1];
      d[k] = c * (c * d[k] - s * e[k]) - s * (c * e[k] - s * d[k + 1]);
      d[k + 1] = s * a + c * b;
      e[k] = c * a - s * b;
      if (k > start) e[k - 1] = c * e[k - 1] - s * z;
      x = e[k];
      if (k + 1 < end) {
        z = -s * e[k + 1];
        e[k + 1] *= c;
      }
      chain.Add(k, r.c, r.s);
    }
    chain.Flush();
  }
  return true;
}

void AscendingOrder(size_t n, const double* values, size_t* order) noexcept {
  std::iota(order, order + n, size_t{0});
  std::stable_sort(order, order + n,
                   [values](size_t x, size_t y) { return values[x] < values[y]; });
}

}  // namespace opkit::linalg
