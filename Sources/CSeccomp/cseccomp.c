#define _GNU_SOURCE
#include "cseccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

cseccomp_filter *cseccomp_create(int error)
{
    scmp_filter_ctx context =
        seccomp_init(error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)error));
    if (context == NULL)
        return NULL;
    // A 32-bit call from 64-bit code would otherwise be judged by the wrong numbers. The binary
    // tree (optimisation 2) makes a common call cost about 8 comparisons instead of about 100.
    if (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
        seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0) {
        seccomp_release(context);
        return NULL;
    }
    return context;
}

void cseccomp_free(cseccomp_filter *filter)
{
    seccomp_release(filter);
}

int cseccomp_number(const char *name)
{
    return seccomp_syscall_resolve_name(name);
}

int cseccomp_deny(
    cseccomp_filter *filter, int number, int error, const struct cseccomp_argument *arguments,
    uint32_t count)
{
    struct scmp_arg_cmp comparisons[6];
    if (count > 6 || error < 1 || error > 4095)
        return -EINVAL;
    for (uint32_t at = 0; at < count; at++) {
        comparisons[at].arg = arguments[at].index;
        comparisons[at].datum_a = arguments[at].value;
        comparisons[at].datum_b = 0;
        switch (arguments[at].comparison) {
        case CSECCOMP_EQUAL: comparisons[at].op = SCMP_CMP_EQ; break;
        case CSECCOMP_NOT_EQUAL: comparisons[at].op = SCMP_CMP_NE; break;
        case CSECCOMP_GREATER_OR_EQUAL: comparisons[at].op = SCMP_CMP_GE; break;
        case CSECCOMP_MASKED_EQUAL:
            comparisons[at].op = SCMP_CMP_MASKED_EQ;
            comparisons[at].datum_a = arguments[at].mask;
            comparisons[at].datum_b = arguments[at].value;
            break;
        default: return -EINVAL;
        }
    }
    return seccomp_rule_add_array(
        filter, SCMP_ACT_ERRNO((uint32_t)error), number, count, comparisons);
}

int cseccomp_allow(cseccomp_filter *filter, int number)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 0, NULL);
}

int64_t cseccomp_export(const cseccomp_filter *filter, void *bytes, uint64_t capacity)
{
    // This version of the library exports to descriptors only.
    int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int64_t result = seccomp_export_bpf((scmp_filter_ctx)filter, fd);
    if (result == 0) {
        off_t length = lseek(fd, 0, SEEK_END);
        if (length < 0)
            result = -errno;
        else if ((uint64_t)length > capacity)
            result = -EMSGSIZE;
        else
            result = pread(fd, bytes, (size_t)length, 0) == length ? length : -EIO;
    }
    close(fd);
    return result;
}

int cseccomp_sealed_file(const char *name, const void *bytes, size_t length)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    const char *at = bytes;
    int result = 0;
    while (length > 0 && result == 0) {
        ssize_t count = write(fd, at, length);
        if (count > 0) {
            at += count;
            length -= (size_t)count;
        } else if (count == 0 || errno != EINTR) {
            result = count == 0 ? -EIO : -errno;
        }
    }
    if (result == 0 && (lseek(fd, 0, SEEK_SET) != 0 ||
                        fcntl(fd, F_ADD_SEALS,
                              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0))
        result = -errno;
    if (result == 0)
        return fd;
    close(fd);
    return result;
}

int cseccomp_open_path(int folder, const char *path)
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

int cseccomp_identify(int fd, uint64_t *device, uint64_t *inode)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    *device = status.st_dev;
    *inode = status.st_ino;
    return S_ISDIR(status.st_mode) ? 1 : 0;
}

int cseccomp_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? -errno : (int)version;
}
