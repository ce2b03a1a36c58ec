#pragma once

#include <stddef.h>
#include <stdint.h>

// RE2 behind one small opaque door: linear time, no exceptions across the border, no logging.
//
// Results: 0 or positive is an answer, negative is -errno: -EINVAL (the pattern is wrong),
// -ENOMEM (the memory budget or the machine's memory is used up), -ERANGE (an argument).
// Compiled values are immutable; any thread may use one at the same time as any other.

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_pattern cre2_pattern;
typedef struct cre2_set cre2_set;

enum {
    CRE2_LATIN1 = 1,       // pattern and text are bytes, not UTF-8
    CRE2_IGNORE_CASE = 2,  // as (?i)
    CRE2_LITERAL = 4,      // the pattern is no expression but the text itself
};

/// Compiles `pattern`. On failure `*result` stays null and `message` holds a text cut to
/// `message_capacity` with its NUL. The caller frees the result with `cre2_free`.
int cre2_compile(const uint8_t *_Nullable pattern, size_t pattern_count, uint32_t flags,
                 int64_t memory_budget, cre2_pattern *_Nullable *_Nonnull result,
                 char *_Nonnull message, size_t message_capacity);

void cre2_free(cre2_pattern *_Nullable pattern);

/// Instructions of the compiled program; the worst case per input byte grows with it.
int cre2_program_size(const cre2_pattern *_Nonnull pattern);

/// 1 when `pattern` matches somewhere in `text`, else 0.
int cre2_matches(const cre2_pattern *_Nonnull pattern, const uint8_t *_Nullable text,
                 size_t text_count);

/// Finds the leftmost match that starts at or after `start` and ends at or before `end`; the bytes
/// outside are still seen by `\b`, `^` and `$`. Writes begin and end of the whole match and of the
/// first of its sixteen first groups that took part to `spans` (PTRDIFF_MAX when none did). 1 when
/// found, else 0.
int cre2_find(const cre2_pattern *_Nonnull pattern, const uint8_t *_Nullable text,
              size_t text_count, size_t start, size_t end, ptrdiff_t spans[_Nonnull 4]);

/// An empty set of unanchored patterns; free it with `cre2_set_free`. Null: out of memory.
cre2_set *_Nullable cre2_set_new(uint32_t flags, int64_t memory_budget);

void cre2_set_free(cre2_set *_Nullable set);

/// The pattern's index in the set.
int cre2_set_add(cre2_set *_Nonnull set, const uint8_t *_Nullable pattern, size_t pattern_count,
                 char *_Nonnull message, size_t message_capacity);

/// No pattern is added afterwards. 0, or -ENOMEM when the budget is too small.
int cre2_set_compile(cre2_set *_Nonnull set);

/// 1 when any of the patterns occurs, else 0. -ENOMEM when the budget was used up.
int cre2_set_may_match(const cre2_set *_Nonnull set, const uint8_t *_Nullable text,
                       size_t text_count);

/// How many of the patterns occur, and their indices, unordered, in `indices`: room of the thread's
/// that stands until its next match. -ENOMEM when the budget was used up.
int cre2_set_match(const cre2_set *_Nonnull set, const uint8_t *_Nullable text, size_t text_count,
                   const int32_t *_Nullable *_Nonnull indices);

#ifdef __cplusplus
}
#endif
