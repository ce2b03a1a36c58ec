#pragma once
// Trees of the host, looked through by descriptor, and the layers that hide parts of them.
// Every call returns 0 or a positive result, or a negative errno.

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Opens `path` as a path only, refusing any symlink in it: absolute with `AT_FDCWD`, else beneath
/// `folder`, which an empty one means itself. Closed on exec. The caller closes it.
int ctree_open_path(int folder, const char *path);

/// What an entry is, itself and not what a link in it leads to.
struct ctree_entry {
    uint64_t device, inode, links;
    /// Nanoseconds since 1970 of the last change of contents and of inode.
    int64_t modified, changed;
    /// With the kind, as stat(2) has it.
    uint32_t mode, owner, group;
    /// Whether something is mounted here.
    uint32_t is_mount;
};

/// Opens a folder beneath `folder` for reading, following no link. The caller closes it.
int ctree_open_folder(int folder, const char *path);

/// Describes an entry; an empty `path` means `folder` itself.
int ctree_describe(int folder, const char *path, struct ctree_entry *entry);

/// Calls `take` with each name in an open folder but `.` and `..`; ends early when it returns other
/// than 0, and returns that. `folder` stays open.
int ctree_each_name(
    int folder, int (*take)(void *_Nullable context, const char *name, size_t length),
    void *_Nullable context);

/// Whether an overlay's folder of changes has replaced the one below it (1) or not (0).
int ctree_is_opaque(int folder);

/// Makes what overlayfs shows as nothing; needs no rights (Linux 5.8).
int ctree_make_whiteout(int folder, const char *path);

/// Gives the folder at `path` the owner (where `owns` is not 0), mode, access list and times of an
/// entry whose descriptor is `like`.
int ctree_dress(
    int folder, const char *path, int like, const struct ctree_entry *entry, int owns);

#pragma clang assume_nonnull end
