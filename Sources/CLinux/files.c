#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "clinux.h"

static int place(int folder) {
    return folder < 0 ? AT_FDCWD : folder;
}

int cgate_open(int folder, const char *path, int flags, uint32_t mode) {
    int kernel = O_CLOEXEC | O_NOCTTY;
    // A FIFO in place of a file must not stop us here; for files it does nothing.
    if (!(flags & CGATE_BLOCKING)) kernel |= O_NONBLOCK;
    if ((flags & CGATE_READ) && (flags & CGATE_WRITE)) {
        kernel |= O_RDWR;
    } else if (flags & CGATE_WRITE) {
        kernel |= O_WRONLY;
    } else {
        kernel |= O_RDONLY;
    }
    if (flags & CGATE_CREATE) kernel |= O_CREAT;
    if (flags & CGATE_EXCLUSIVE) kernel |= O_EXCL;
    if (flags & CGATE_APPEND) kernel |= O_APPEND;
    if (flags & CGATE_TRUNCATE) kernel |= O_TRUNC;
    if (flags & CGATE_DIRECTORY) kernel |= O_DIRECTORY;
    if (!(flags & CGATE_FOLLOW)) kernel |= O_NOFOLLOW;
    for (;;) {
        int fd = openat(place(folder), path, kernel, (mode_t)mode);
        if (fd >= 0) return fd;
        if (errno != EINTR) return -errno;
    }
}

static void copy_facts(const struct stat *found, struct cgate_facts *facts) {
    *facts = (struct cgate_facts){
        .device = found->st_dev,
        .inode = found->st_ino,
        .size = (uint64_t)found->st_size,
        .modified_seconds = found->st_mtim.tv_sec,
        .modified_nanoseconds = found->st_mtim.tv_nsec,
        .mode = found->st_mode,
        .user = found->st_uid,
        .group = found->st_gid,
        .link_count = (uint32_t)found->st_nlink,
    };
}

int cgate_facts_of(int fd, struct cgate_facts *facts) {
    struct stat found;
    if (fstat(fd, &found) < 0) return -errno;
    copy_facts(&found, facts);
    return 0;
}

int cgate_facts_at(int folder, const char *path, struct cgate_facts *facts) {
    struct stat found;
    if (fstatat(place(folder), path, &found, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
    copy_facts(&found, facts);
    return 0;
}

int cgate_fsync(int fd, int data_only) {
    return (data_only ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}

int cgate_rename(int folder, const char *from, const char *to) {
    return renameat(place(folder), from, place(folder), to) < 0 ? -errno : 0;
}

int cgate_unlink(int folder, const char *path, int is_directory) {
    return unlinkat(place(folder), path, is_directory ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

int cgate_make_directory(int folder, const char *path, uint32_t mode) {
    return mkdirat(place(folder), path, (mode_t)mode) < 0 ? -errno : 0;
}

int cgate_make_link(const char *target, const char *path) {
    return symlink(target, path) < 0 ? -errno : 0;
}

int cgate_change_mode(int fd, uint32_t mode) {
    return fchmod(fd, (mode_t)mode) < 0 ? -errno : 0;
}

int cgate_truncate(int fd, uint64_t length) {
    return ftruncate(fd, (off_t)length) < 0 ? -errno : 0;
}

int cgate_lock_exclusively(int fd) {
    return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

ptrdiff_t cgate_read_link(const char *path, char *text, size_t capacity) {
    ssize_t length = readlink(path, text, capacity);
    return length < 0 ? -errno : length;
}

int cgate_each_entry(int fd, int (*body)(void *context, const char *name), void *context) {
    // A fresh open file, so that the caller's position and descriptor stay as they are.
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) return -errno;
    DIR *folder = fdopendir(own);
    if (!folder) {
        int code = errno;
        close(own);
        return -code;
    }
    int status = 0;
    while (status >= 0) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (!entry) {
            status = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        status = body(context, entry->d_name);
    }
    closedir(folder);
    return status < 0 ? status : 0;
}

int cgate_memfd(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int cgate_seal_memfd(int fd) {
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int cgate_rewind(int fd) {
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

int64_t cgate_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // A container may refuse; then the soft limit is what there is.
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) limit.rlim_cur = before;
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

int64_t cgate_page_size(void) {
    return sysconf(_SC_PAGESIZE);
}

int cgate_release_memory(void) {
    return malloc_trim(0);
}

uint64_t cgate_cpu_time(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

uint64_t cgate_thread_cpu_time(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

int cgate_set_echo(int fd, int is_on, int *was_on) {
    struct termios terminal;
    if (tcgetattr(fd, &terminal) < 0) return -errno;
    *was_on = (terminal.c_lflag & ECHO) != 0;
    if (is_on)
        terminal.c_lflag |= ECHO;
    else
        terminal.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(fd, TCSAFLUSH, &terminal) < 0 ? -errno : 0;
}

int cgate_set_keys(int fd, int is_on) {
    struct termios terminal;
    if (tcgetattr(fd, &terminal) < 0) return -errno;
    const tcflag_t lines = ICANON | ECHO | ISIG;
    if (is_on)
        terminal.c_lflag &= ~lines;
    else
        terminal.c_lflag |= lines;
    terminal.c_cc[VMIN] = 1;
    terminal.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSAFLUSH, &terminal) < 0 ? -errno : 0;
}

int cgate_drop_input(int fd) { return tcflush(fd, TCIFLUSH) < 0 ? -errno : 0; }

int cgate_terminal_size(int fd, int *rows, int *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
