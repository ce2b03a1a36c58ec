// The last thing done for a cage before bubblewrap: joins its control groups and, where the gateway is
// root, shows its sources to the server's own user and becomes that user.
//
//     gatehouse-stage UID GID FD,FD,... GROUPFD,GROUPFD,... BWRAP ARGUMENT...
//
// GROUPFDs are open `cgroup.procs` files: what they bound holds from bubblewrap's first instruction on.
// UID and GID 0 mean the user it already is, who must not be root, and who has no sources to show.
//
// bubblewrap looks its sources up by path, as the server's user, who often may not pass the folders
// above (a home is 0700). So each source, an open descriptor, is mounted as /tmp/0, /tmp/1, ... in a
// mount namespace of our own, where /tmp is a new tmpfs; nobody else sees any of it.
// INVARIANT: Sources/Sandbox/Launch/CageLaunch.swift names these places.

#include "calls.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/stat.h>

enum { SOURCE_LIMIT = 128 };

static unsigned long length(const char *text)
{
    unsigned long count = 0;
    while (text[count] != 0)
        count++;
    return count;
}

static __attribute__((noreturn)) void fail(const char *step, long error)
{
    char line[128] = "gatehouse-stage: ";
    unsigned long at = length(line);
    for (const char *from = step; *from != 0 && at < 100; from++)
        line[at++] = *from;
    static const char words[] = ": errno ";
    for (const char *from = words; *from != 0; from++)
        line[at++] = *from;
    char digits[8];
    int count = 0;
    unsigned long value = error < 0 ? (unsigned long)-error : (unsigned long)error;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 && count < 8);
    while (count > 0)
        line[at++] = digits[--count];
    line[at++] = '\n';
    CALL(write, 2, line, at, 0, 0, 0);
    for (;;)
        CALL(exit_group, 126, 0, 0, 0, 0, 0);
}

static void check(const char *step, long result)
{
    if (result < 0 && result > -4096)
        fail(step, result);
}

// A decimal number up to 2^31; moves on past it.
static long number(const char **text)
{
    long value = 0;
    const char *at = *text;
    if (*at < '0' || *at > '9')
        fail("arguments", 22);
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (*at - '0');
        if (value > 0x7fffffffL)
            fail("arguments", 22);
    }
    *text = at;
    return value;
}

static int is_folder(int fd)
{
    struct statx status;
    memset(&status, 0, sizeof status);
    check("statx", CALL(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE, &status, 0));
    return (status.stx_mode & S_IFMT) == S_IFDIR;
}

static void place_of(int index, char *place)
{
    memcpy(place, "/tmp/", 5);
    place += 5;
    if (index >= 100)
        *place++ = (char)('0' + index / 100);
    if (index >= 10)
        *place++ = (char)('0' + index / 10 % 10);
    *place++ = (char)('0' + index % 10);
    *place = 0;
}

static void join(const char *text)
{
    for (; *text != 0; text += *text == ',') {
        int fd = (int)number(&text);
        long result;
        do {
            result = CALL(write, fd, "0", 1, 0, 0, 0);
        } while (result == -EINTR);
        check("join control group", result);
        CALL(close, fd, 0, 0, 0, 0, 0);
    }
}

static void show(const char *text)
{
    // A descriptor of another mount namespace cannot be mounted, a detached copy can: copy first.
    int trees[SOURCE_LIMIT];
    int folders[SOURCE_LIMIT];
    int sources = 0;
    for (; *text != 0; text += *text == ',') {
        if (sources == SOURCE_LIMIT)
            fail("too many sources", 7);
        int fd = (int)number(&text);
        folders[sources] = is_folder(fd);
        long tree = CALL(open_tree, fd, "",
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE, 0, 0, 0);
        check("open_tree", tree);
        trees[sources++] = (int)tree;
        CALL(close, fd, 0, 0, 0, 0, 0);
    }
    check("unshare", CALL(unshare, CLONE_NEWNS, 0, 0, 0, 0, 0));
    check("mount /", CALL(mount, "none", "/", 0, MS_REC | MS_PRIVATE, 0, 0));
    check("mount /tmp", CALL(mount, "tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
                             "size=1m,mode=0755", 0));
    for (int index = 0; index < sources; index++) {
        char place[16];
        place_of(index, place);
        if (folders[index])
            check("mkdir", CALL(mkdirat, AT_FDCWD, place, 0700, 0, 0, 0));
        else
            check("mknod", CALL(mknodat, AT_FDCWD, place, S_IFREG | 0600, 0, 0, 0));
        check("move_mount", CALL(move_mount, trees[index], "", AT_FDCWD, place,
                                 MOVE_MOUNT_F_EMPTY_PATH, 0));
    }
}

void start(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    if (count < 7)
        fail("arguments", 22);
    const char *text = arguments[1];
    long user = number(&text);
    text = arguments[2];
    long group = number(&text);
    if (user == 0 || group == 0) {
        if (user != group || CALL(geteuid, 0, 0, 0, 0, 0, 0) == 0 || *arguments[3] != 0)
            fail("the server would be root", 1);
        join(arguments[4]);
    } else {
        join(arguments[4]);
        show(arguments[3]);
        check("setgroups", CALL(setgroups, 0, 0, 0, 0, 0, 0));
        check("setresgid", CALL(setresgid, group, group, group, 0, 0, 0));
        check("setresuid", CALL(setresuid, user, user, user, 0, 0, 0));
        // Becoming another user cleared it; bubblewrap sets it again for itself.
        check("prctl", CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0));
    }
    check("prctl", CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));
    check("chdir", CALL(chdir, "/", 0, 0, 0, 0, 0));
    char *none[1] = {0};
    check("execve", CALL(execve, arguments[5], arguments + 6, none, 0, 0, 0));
    fail("execve", 0);
}
