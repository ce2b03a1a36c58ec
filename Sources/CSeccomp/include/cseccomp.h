#pragma once
// libseccomp, wrapped once, and the version of Landlock beside it.
// Every call returns 0 or a positive result, or a negative errno.

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct cseccomp_filter cseccomp_filter;

enum cseccomp_comparison {
    CSECCOMP_EQUAL = 1,
    CSECCOMP_NOT_EQUAL = 2,
    CSECCOMP_GREATER_OR_EQUAL = 3,
    CSECCOMP_MASKED_EQUAL = 4, // (argument & mask) == value
};

/// One comparison on one of the six arguments, unsigned and 64 bits wide.
struct cseccomp_argument {
    uint32_t index;
    uint32_t comparison;
    uint64_t mask;
    uint64_t value;
};

/// Returned by cseccomp_number for a name the library does not know.
enum { CSECCOMP_UNKNOWN = -1 };

/// A filter that allows what no rule denies or, where `error` is not 0, answers with it what no rule
/// allows; a foreign architecture kills the process. Null when there is no memory. The caller frees it.
cseccomp_filter *_Nullable cseccomp_create(int error);
void cseccomp_free(cseccomp_filter *filter);

/// The number of a call here. Below -1 when the call exists, but not on this architecture.
int cseccomp_number(const char *name);

/// Answers the call with `error` where all comparisons hold.
int cseccomp_deny(
    cseccomp_filter *filter, int number, int error, const struct cseccomp_argument *arguments,
    uint32_t count);

/// Lets the call through, in a filter made with an error.
int cseccomp_allow(cseccomp_filter *filter, int number);

/// Writes the BPF program into `bytes` and returns its length; -EMSGSIZE when it does not fit.
int64_t cseccomp_export(const cseccomp_filter *filter, void *bytes, uint64_t capacity);

/// The version of Landlock's interface the kernel has; a negative errno when it has none.
int cseccomp_landlock_version(void);

#pragma clang assume_nonnull end
