// Two file layers under SQLite, both on top of its own: one that loses power, one that runs out of
// room. Neither is registered before its function is called.
#pragma once

#include <stdint.h>

// A file layer named "crash": writes stay in memory until they are synced. After
// `operations` writes and syncs it "loses power": of what was not synced each piece is, by
// `seed`, kept, lost or torn, and every later call fails. It is not registered before this call;
// only one test may use it at a time.
int faulty_crash_begin(uint64_t seed, uint64_t operations);
// 1 when power was lost. Forgets the plan; files closed later stay as they are.
int faulty_crash_end(void);

// A file layer named "limited": writes that would grow the files opened through it above
// `bytes` in all fail as on a full disk; with `read_only` every write fails.
int faulty_limit(int64_t bytes, int read_only);
// How many writes of all files the layer "limited" has passed on.
uint64_t faulty_writes(void);
