// The order of passes. A window's reduction is split into depth, height and width, so k*k*k
// operations an output become at most k+k+k. Passes run over several rows at a time as one long
// vector; the few columns whose windows reach over an edge are done again, with fewer taps.
#include <algorithm>
#include <cstring>

#include "ops/pool3d/pool3d.h"

namespace opkit::pool3d {
namespace {

struct Span {
  int64_t first, count;
};

// The input elements under window `o`.
Span Taps(const WindowDim& w, int64_t o) {
  const int64_t begin = std::max<int64_t>(0, w.start(o));
  const int64_t end = std::min(w.in, w.start(o) + w.kernel);
  return {begin, std::max<int64_t>(0, end - begin)};
}

// The windows that lie inside the input.
Span Inside(const WindowDim& w) {
  const int64_t begin = std::min(w.out, (w.pad + w.stride - 1) / w.stride);
  const int64_t room = w.in - w.kernel + w.pad;
  const int64_t end = room < 0 ? begin : std::min(w.out, room / w.stride + 1);
  return {begin, std::max<int64_t>(0, end - begin)};
}

// Output rows that are done at a time: as many as keep the buffers in the first level cache.
int64_t BlockRows(const Geometry& g, const Passes& p) {
  constexpr int64_t kBytes = 8 << 10;
  return std::clamp<int64_t>(kBytes / std::max<int64_t>(1, g.row() * p.sum_bytes), 1,
                             std::max<int64_t>(1, g.h.out));
}

constexpr int64_t kNearBytes = 40 << 10;  // a window's rows that stay in the first level cache

// Rows that several windows read are reduced over depth once and kept, where that saves additions
// (a row of the output costs stride * d.kernel + h.kernel, not d.kernel * h.kernel) or fetches.
bool KeepsRows(const Geometry& g, const Passes& p) {
  const int64_t window = g.d.kernel * g.h.kernel;
  const bool far = window * g.row() * p.in_bytes > kNearBytes;
  const int64_t kept = g.h.stride * g.d.kernel + g.h.kernel;
  return kept < window || (far && g.d.kernel > 1 && g.h.kernel > g.h.stride);
}

// How many: those under four blocks, so that moving them to the front is rare.
int64_t KeptRows(const Geometry& g, const Passes& p, int64_t block) {
  if (!KeepsRows(g, p)) return 0;
  return std::min(g.h.in, (4 * block - 1) * g.h.stride + std::min(g.h.kernel, g.h.in));
}

constexpr int64_t kSlack = 64;  // bytes that may be read behind a buffer

struct Layout {
  int64_t kept, lines, dense, sums, column, end;  // byte offsets into the scratch
};

Layout LayOut(const Geometry& g, const Passes& p) {
  const auto sized = [&](int64_t elements) {
    return (elements * p.sum_bytes + 2 * kSlack - 1) / kSlack * kSlack;
  };
  const int64_t block = BlockRows(g, p);
  Layout at;
  at.kept = 0;
  at.lines = at.kept + sized(KeptRows(g, p, block) * g.row());
  at.dense = at.lines + sized(block * g.row());
  at.sums = at.dense + sized(block * g.row());
  at.column = at.sums + sized(block * g.out_row());
  at.end = at.column + sized(block * g.channels);
  return at;
}

class Worker {
 public:
  Worker(const Geometry& g, const Passes& p, char* scratch)
      : g_(g), p_(p), at_(LayOut(g, p)), scratch_(scratch), block_(BlockRows(g, p)) {
    inside_ = Inside(g.w);
  }

  // One output plane: the windows that begin at `volume` and reach over `depth` planes.
  void Plane(const char* volume, int64_t depth, char* out) {
    const WindowDim& h = g_.h;
    const Span whole = Inside(h);
    kept_first_ = kept_end_ = 0;
    for (int64_t oh = 0; oh < h.out;) {
      const Span taps = Taps(h, oh);
      const bool inside = oh >= whole.first && oh < whole.first + whole.count;
      const int64_t rows = inside ? std::min(block_, whole.first + whole.count - oh) : 1;
      char* const lines = scratch_ + at_.lines;
      FoldRows(volume, depth, taps, rows, lines);
      FoldColumns(lines, rows, depth * taps.count, out + oh * g_.out_row() * p_.out_bytes);
      oh += rows;
    }
  }

 private:
  // Depth and height: lines get `rows` rows, the first from input rows `taps`.
  void FoldRows(const char* volume, int64_t depth, Span taps, int64_t rows, char* lines) {
    const WindowDim& h = g_.h;
    const int64_t row = g_.row(), plane = h.in * row;
    const char* from = volume + taps.first * row * p_.in_bytes;
    int64_t size = p_.in_bytes;
    Passes::Fold fold = p_.first;
    if (KeepsRows(g_, p_)) {
      from = Keep(volume, depth, taps.first, (rows - 1) * h.stride + taps.count);
      size = p_.sum_bytes;
      fold = p_.fold;
      depth = 1;
    }
    if (h.stride == 1) {
      fold(from, plane, depth, row, taps.count, rows * row, lines);
      return;
    }
    for (int64_t i = 0; i < rows; ++i) {
      fold(from + i * h.stride * row * size, plane, depth, row, taps.count, row,
           lines + i * row * p_.sum_bytes);
    }
  }

  // Input rows [first, first + count) reduced over depth; those of earlier calls are still there.
  const char* Keep(const char* volume, int64_t depth, int64_t first, int64_t count) {
    char* const kept = scratch_ + at_.kept;
    const int64_t row = g_.row(), bytes = row * p_.sum_bytes, end = first + count;
    if (first >= kept_end_) {
      kept_first_ = kept_end_ = first;
    } else if (end - kept_first_ > KeptRows(g_, p_, block_)) {
      std::memmove(kept, kept + (first - kept_first_) * bytes,
                   static_cast<size_t>((kept_end_ - first) * bytes));
      kept_first_ = first;
    }
    if (kept_end_ < end) {
      p_.first(volume + kept_end_ * row * p_.in_bytes, g_.h.in * row, depth, 0, 1,
               (end - kept_end_) * row, kept + (kept_end_ - kept_first_) * bytes);
      kept_end_ = end;
    }
    return kept + (first - kept_first_) * bytes;
  }

  // Width: `rows` lines to rows of the output. `taken` counts the elements of a line's element.
  void FoldColumns(const char* lines, int64_t rows, int64_t taken, char* out) {
    const WindowDim& w = g_.w;
    const int64_t c = g_.channels, row = g_.row(), out_row = g_.out_row();
    char* const sums = p_.sum_bytes == p_.out_bytes ? out : scratch_ + at_.sums;
    if (inside_.count > 0) {
      const int64_t size = p_.sum_bytes;
      const int64_t from = w.start(inside_.first) * c, to = inside_.first * c;
      // Rows of the output follow one another as those of the lines do: one long row.
      const bool one = row == out_row * w.stride;
      const int64_t repeat = one ? 1 : rows;
      const int64_t pixels = one ? rows * w.out - (w.out - inside_.count) : inside_.count;
      char* const dense = scratch_ + at_.dense;
      for (int64_t i = 0; i < repeat; ++i) {
        const char* const line = lines + (i * row + from) * size;
        char* const sum = sums + (i * out_row + to) * size;
        if (w.stride == 1) {
          p_.fold(line, 0, 1, c, w.kernel, pixels * c, sum);
        } else if (c * size >= 16) {
          p_.pixels(line, w.kernel, w.stride * c, c, pixels, c, sum);
        } else {
          p_.fold(line, 0, 1, c, w.kernel, ((pixels - 1) * w.stride + 1) * c, dense);
          PickPixels(dense, c * size, w.stride, pixels, sum);
        }
      }
      if (p_.finish) p_.finish(sums, rows * out_row, taken * w.kernel, out);
    }
    for (int64_t o = 0; o < w.out; ++o) {
      if (o == inside_.first) o += inside_.count;
      if (o < w.out) Edge(lines, rows, taken, o, out);
    }
  }

  // Column `o` of the output.
  void Edge(const char* lines, int64_t rows, int64_t taken, int64_t o, char* out) {
    const Span taps = Taps(g_.w, o);
    const int64_t c = g_.channels;
    const char* const from = lines + taps.first * c * p_.sum_bytes;
    char* const to = out + o * c * p_.out_bytes;
    if (!p_.finish) {
      p_.pixels(from, taps.count, g_.row(), c, rows, g_.out_row(), to);
      return;
    }
    char *const sums = scratch_ + at_.dense, *const column = scratch_ + at_.column;
    p_.pixels(from, taps.count, g_.row(), c, rows, c, sums);
    p_.finish(sums, rows * c, taken * taps.count, column);
    const int64_t bytes = c * p_.out_bytes, step = g_.out_row() * p_.out_bytes;
    if (bytes == 1) {
      for (int64_t i = 0; i < rows; ++i) to[i * step] = column[i];
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        std::memcpy(to + i * step, column + i * bytes, static_cast<size_t>(bytes));
      }
    }
  }

  const Geometry& g_;
  const Passes& p_;
  const Layout at_;
  char* const scratch_;
  const int64_t block_;
  Span inside_;
  int64_t kept_first_ = 0, kept_end_ = 0;  // the input rows that are kept
};

}  // namespace

int64_t ScratchBytes(const Geometry& g, const Passes& p) { return LayOut(g, p).end; }

void Pool(const Geometry& g, const Passes& p, const void* x, void* y, int64_t begin, int64_t end,
          void* scratch) {
  Worker worker(g, p, static_cast<char*>(scratch));
  const int64_t plane = g.h.in * g.row() * p.in_bytes;
  const int64_t out_plane = g.h.out * g.out_row() * p.out_bytes;
  for (int64_t u = begin; u < end; ++u) {
    const Span taps = Taps(g.d, u % g.d.out);
    worker.Plane(static_cast<const char*>(x) + (u / g.d.out * g.d.in + taps.first) * plane,
                 taps.count, static_cast<char*>(y) + u * out_plane);
  }
}

}  // namespace opkit::pool3d
