#pragma once
// What Linux offers and the Glibc module does not, or only as macros and variadics. No system header
// that declares more than plain types is included here, so that this module never clashes with Glibc.
//
// Every call returns its result, or a negative errno. Calls that can be interrupted start again by
// themselves, except where a comment says so.

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// Clocks and wake-ups.

/// Nanoseconds of CLOCK_MONOTONIC.
uint64_t cgate_monotonic(void);
/// Milliseconds since 1970 of CLOCK_REALTIME.
int64_t cgate_realtime(void);
/// An eventfd, nonblocking and closed on exec.
int cgate_eventfd(void);
/// Adds one to an eventfd.
int cgate_eventfd_add(int fd);

/// Random bytes into `buffer` + `offset` (getrandom); the number of them, which may be fewer.
ptrdiff_t cgate_random(void *_Nullable buffer, size_t offset, size_t length);

// epoll.

/// One event: `data` as it was registered, `events` as the kernel's bits.
struct cgate_event {
    uint64_t data;
    uint32_t events;
};

int cgate_epoll_create(void);
int cgate_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
int cgate_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
int cgate_epoll_remove(int epoll, int fd);
/// Fills at most `capacity` (and never more than 256) events; an interruption counts as none.
/// A negative `milliseconds` waits for ever.
int cgate_epoll_wait(int epoll, struct cgate_event *events, int capacity, int milliseconds);

// Descriptors.

int cgate_close(int fd);
int cgate_duplicate(int fd);
int cgate_set_nonblocking(int fd);
int cgate_set_inheritable(int fd, int is_inheritable);
/// Both ends are closed on exec; `flags` 1 makes the reading, 2 the writing end nonblocking.
int cgate_pipe(int *ends, int flags);
/// A connected pair of AF_UNIX sockets, closed on exec; SOCK_SEQPACKET when `keeps_messages`.
int cgate_socketpair(int *ends, int keeps_messages, int is_nonblocking);

struct cgate_piece {
    const void *_Nullable base;
    size_t length;
};

ptrdiff_t cgate_read(int fd, void *buffer, size_t length);
ptrdiff_t cgate_write(int fd, const void *buffer, size_t length);
/// Like write, for sockets: never raises SIGPIPE.
ptrdiff_t cgate_send(int fd, const void *buffer, size_t length);
/// Several pieces by one call; `is_socket` keeps SIGPIPE away.
ptrdiff_t cgate_write_pieces(int fd, int is_socket, const struct cgate_piece *pieces, int count);

// Sockets.

enum { CGATE_UNIX = 1, CGATE_IPV4 = 4, CGATE_IPV6 = 6 };

/// An address in host order: IPv4 in the low 32 bits of `low`; nothing for AF_UNIX.
struct cgate_address {
    uint64_t high;
    uint64_t low;
    uint32_t family;
    uint16_t port;
};

/// A nonblocking listening socket with TCP_NODELAY for what it accepts; IPv6 only for IPv6.
/// SO_REUSEPORT stays off: with it any process of the same uid could join the listener.
int cgate_listen_ip(const struct cgate_address *address, int backlog);
/// The socket file is made with mode 0600.
int cgate_listen_unix(const char *path, int backlog);
/// Nonblocking; -EAGAIN when none waits.
int cgate_accept(int fd, struct cgate_address *peer);
/// Starts a connection; `*is_pending` says whether it is still being made.
int cgate_connect_ip(const struct cgate_address *address, int *is_pending);
int cgate_connect_unix(const char *path, int *is_pending);
/// The error a pending connection ended with: 0 or a negative errno.
int cgate_socket_error(int fd);
int cgate_local_address(int fd, struct cgate_address *address);
int cgate_peer_address(int fd, struct cgate_address *address);
/// The credentials of the process that connected (SO_PEERCRED).
int cgate_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);
int cgate_shutdown_write(int fd);

/// Reads an IPv4 or IPv6 literal; -EINVAL when it is none.
int cgate_parse_ip(const char *text, struct cgate_address *address);
/// Writes the shortest form, at most 46 bytes with the final NUL.
int cgate_format_ip(const struct cgate_address *address, char *text, size_t capacity);
/// The addresses of a name by the system's resolver, blocking; the number of them, or a negative
/// EAI_ code minus 1000 (errno codes of a failing system call come as they are).
int cgate_resolve(const char *name, struct cgate_address *addresses, int capacity);
/// The text of an EAI_ code; static storage.
const char *cgate_resolve_text(int code);

/// Sends bytes and descriptors together (SCM_RIGHTS); at most 16 descriptors.
ptrdiff_t cgate_send_descriptors(
    int fd, const void *bytes, size_t length, const int *descriptors, int count);
/// Receives both; descriptors come closed on exec. `*count` holds the room and then the number.
/// Descriptors that did not fit are closed and -EMSGSIZE is returned.
ptrdiff_t cgate_receive_descriptors(
    int fd, void *bytes, size_t length, int *descriptors, int *count);

/// The text of an errno, copied; returns its length.
size_t cgate_error_text(int code, char *text, size_t capacity);
/// The symbolic name such as `ENOENT`, or null; static storage.
const char *_Nullable cgate_error_name(int code);

#pragma clang assume_nonnull end
