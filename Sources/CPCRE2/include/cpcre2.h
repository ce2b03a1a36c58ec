#pragma once

#include <stddef.h>
#include <stdint.h>

// PCRE2 for what RE2 cannot express, with a limit on everything it may spend.
//
// It backtracks, so every match runs under limits on steps, depth and heap. The just-in-time
// compiler is off: it ignores the depth and heap limits, and it needs memory that is writable and
// executable. A compiled pattern is immutable and may be used by several threads at once.

typedef struct cpcre2_pattern cpcre2_pattern;

/// Compiles UTF-8 `pattern`. 0, or -EINVAL with `message` filled in, or -ENOMEM.
/// The caller frees the result with `cpcre2_free`.
int cpcre2_compile(const uint8_t *_Nullable pattern, size_t pattern_count,
                   cpcre2_pattern *_Nullable *_Nonnull result, char *_Nonnull message,
                   size_t message_capacity);

void cpcre2_free(cpcre2_pattern *_Nullable pattern);

/// 1 when `pattern` matches somewhere in `text` (valid UTF-8), 0 when not, -ENOSPC when a limit was
/// hit, -EILSEQ when the text is no UTF-8, -ENOMEM, or -EIO for anything else the library says.
int cpcre2_matches(const cpcre2_pattern *_Nonnull pattern, const uint8_t *_Nullable text,
                   size_t text_count, uint32_t step_limit, uint32_t depth_limit,
                   uint32_t heap_kibibytes);
