// Where the time of a backend's operations goes, and how near each comes to what the device can do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace holdfast {

// All calls of one kind of operation ("linear q4_K", "attention").
struct OperationProfile {
  std::string name;
  int64_t calls = 0;
  double seconds = 0.0;
  double idle_seconds = 0.0;  // of all threads together, see Backend::idle_seconds
  // The work that cannot be avoided: weights and cached keys and values read from memory, and
  // multiplications and additions of each kind. Activations are not counted: they stay in caches.
  double bytes = 0.0, int8 = 0.0, bf16 = 0.0, fp32 = 0.0;
  double limit_seconds = 0.0;  // each call's larger of reading and computing at the device's peaks
};

// Adds the operations of `more` to those of the same name.
void merge(std::vector<OperationProfile>& into, const std::vector<OperationProfile>& more);

// Collects while a ProfiledBackend runs. Not thread-safe: the engine's thread owns both.
class Profile {
 public:
  void set_peaks(const Peaks& peaks) { peaks_ = peaks; }
  const Peaks& peaks() const { return peaks_; }
  // What ran since the last take(), in the order of first calls.
  std::vector<OperationProfile> take();

 private:
  friend class ProfiledBackend;
  struct Work {
    double bytes = 0.0, int8 = 0.0, bf16 = 0.0, fp32 = 0.0;
  };
  void add(const std::string& name, double seconds, double idle_seconds, const Work& work);

  Peaks peaks_;
  std::vector<OperationProfile> operations_;
};

// A backend that does what `inner` does and notes it in `profile`, which must outlive it. Products
// of quantized weights count as int8; of 16-bit weights as bf16 where the device has that, else
// fp32; attention's as whichever of the two is faster.
std::unique_ptr<Backend> make_profiled_backend(std::unique_ptr<Backend> inner, Profile& profile);

}  // namespace holdfast
