// Random numbers by counter: the i-th number of a seed is a function of (seed, i), so a sample does
// not depend on what was drawn before it, or beside it.
#pragma once

#include <cstdint>

namespace holdfast {

// Uniform in [0, 1), 53 bits: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1,
// 2, 3", SC 2011) with `seed` as the key and `index` as the counter; `stream` is the counter's
// third word: further numbers for the same place.
double counter_uniform(uint64_t seed, uint64_t index, uint32_t stream = 0);
inline constexpr uint32_t kXtcNumbers = 1;  // a stream

// A seed nobody chose, from the system's random source. Below 2^53, so that it survives any JSON
// reader and can be sent back.
uint64_t random_seed();

}  // namespace holdfast
