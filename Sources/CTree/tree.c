#define _GNU_SOURCE
#include "ctree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int ctree_open_path(int folder, const char *path)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    if (folder == AT_FDCWD) {
        fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    } else if (*path == 0) {
        fd = fcntl(folder, F_DUPFD_CLOEXEC, 3);
    } else {
        how.resolve |= RESOLVE_BENEATH;
        fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
    }
    return fd < 0 ? -errno : (int)fd;
}

int ctree_open_folder(int folder, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    if (folder != AT_FDCWD)
        how.resolve |= RESOLVE_BENEATH;
    long fd = syscall(SYS_openat2, folder, *path == 0 ? "." : path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

static int64_t nanoseconds(struct statx_timestamp time)
{
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

int ctree_describe(int folder, const char *path, struct ctree_entry *entry)
{
    struct statx status;
    int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
    if (statx(folder, path, flags, STATX_BASIC_STATS, &status) != 0)
        return -errno;
    *entry = (struct ctree_entry){
        .device = makedev(status.stx_dev_major, status.stx_dev_minor),
        .inode = status.stx_ino,
        .links = status.stx_nlink,
        .modified = nanoseconds(status.stx_mtime),
        .changed = nanoseconds(status.stx_ctime),
        .mode = status.stx_mode,
        .owner = status.stx_uid,
        .group = status.stx_gid,
        .is_mount = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
    };
    return 0;
}

int ctree_each_name(
    int folder, int (*take)(void *_Nullable context, const char *name, size_t length),
    void *_Nullable context)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0)
        return -errno;
    DIR *stream = fdopendir(copy);
    if (stream == NULL) {
        int error = -errno;
        close(copy);
        return error;
    }
    int result = 0;
    while (result == 0) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            result = -errno;
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            result = take(context, name, strlen(name));
    }
    closedir(stream);
    return result;
}

int ctree_is_opaque(int folder)
{
    char value = 0;
    return fgetxattr(folder, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

int ctree_make_whiteout(int folder, const char *path)
{
    return mknodat(folder, path, S_IFCHR | 0600, makedev(0, 0)) == 0 ? 0 : -errno;
}

static int copy_access_list(int from, int to)
{
    static const char name[] = "system.posix_acl_access";
    char value[4096];
    ssize_t count = fgetxattr(from, name, value, sizeof value);
    if (count < 0)
        return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
    return fsetxattr(to, name, value, (size_t)count, 0) == 0 ? 0 : -errno;
}

int ctree_dress(
    int folder, const char *path, int like, const struct ctree_entry *entry, int owns)
{
    int fd = ctree_open_folder(folder, path);
    if (fd < 0)
        return fd;
    struct timespec times[2];
    for (int index = 0; index < 2; index++) {
        times[index].tv_sec = entry->modified / 1000000000;
        times[index].tv_nsec = entry->modified % 1000000000;
    }
    int result = 0;
    if (owns && fchown(fd, entry->owner, entry->group) != 0)
        result = -errno;
    if (result == 0 && fchmod(fd, entry->mode & 07777) != 0)
        result = -errno;
    if (result == 0)
        result = copy_access_list(like, fd);
    if (result == 0 && futimens(fd, times) != 0)
        result = -errno;
    close(fd);
    return result;
}
