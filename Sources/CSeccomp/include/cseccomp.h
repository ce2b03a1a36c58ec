#pragma once
// libseccomp, wrapped once, and the calls that hand a cage its files by descriptor.
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

/// A file in memory that holds these bytes, sealed against any change, at its start, closed on exec.
/// The caller closes it.
int cseccomp_sealed_file(const char *name, const void *bytes, size_t length);

/// Opens `path` as a path only, refusing any symlink in it: absolute with `AT_FDCWD`, else beneath
/// `folder`, which an empty one means itself. Closed on exec. The caller closes it.
int cseccomp_open_path(int folder, const char *path);

/// Device and inode of an open path, and whether it is a folder (1) or another kind of file (0).
int cseccomp_identify(int fd, uint64_t *device, uint64_t *inode);

// ---- trees of the host, looked through by descriptor ----

/// What an entry is, itself and not what a link in it leads to.
struct cseccomp_entry {
    uint64_t device, inode, links;
    /// Nanoseconds since 1970 of the last change of contents and of inode.
    int64_t modified, changed;
    /// With the kind, as stat(2) has it.
    uint32_t mode, owner, group;
    /// Whether something is mounted here.
    uint32_t is_mount;
};

/// Opens a folder beneath `folder` for reading, following no link. The caller closes it.
int cseccomp_open_folder(int folder, const char *path);

/// Describes an entry; an empty `path` means `folder` itself.
int cseccomp_describe(int folder, const char *path, struct cseccomp_entry *entry);

/// Calls `take` with each name in an open folder but `.` and `..`; ends early when it returns other
/// than 0, and returns that. `folder` stays open.
int cseccomp_each_name(
    int folder, int (*take)(void *_Nullable context, const char *name, size_t length),
    void *_Nullable context);

/// Whether an overlay's folder of changes has replaced the one below it (1) or not (0).
int cseccomp_is_opaque(int folder);

/// Makes what overlayfs shows as nothing; needs no rights (Linux 5.8).
int cseccomp_make_whiteout(int folder, const char *path);

/// Gives the folder at `path` the owner (where `owns` is not 0), mode, access list and times of an
/// entry whose descriptor is `like`.
int cseccomp_dress(
    int folder, const char *path, int like, const struct cseccomp_entry *entry, int owns);

#pragma clang assume_nonnull end
