#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "clinux.h"

// Descriptors.

int cgate_close(int fd) {
    // Never again after EINTR: Linux has released the number by then (close(2)).
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

int cgate_duplicate(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

int cgate_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int cgate_set_inheritable(int fd, int is_inheritable) {
    return fcntl(fd, F_SETFD, is_inheritable ? 0 : FD_CLOEXEC) < 0 ? -errno : 0;
}

int cgate_pipe(int *ends, int flags) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    for (int end = 0; end < 2; end++) {
        int status = flags & (1 << end) ? cgate_set_nonblocking(ends[end]) : 0;
        if (status < 0) {
            close(ends[0]);
            close(ends[1]);
            return status;
        }
    }
    return 0;
}

int cgate_socketpair(int *ends, int keeps_messages, int is_nonblocking) {
    int type = (keeps_messages ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC
               | (is_nonblocking ? SOCK_NONBLOCK : 0);
    return socketpair(AF_UNIX, type, 0, ends) < 0 ? -errno : 0;
}

ptrdiff_t cgate_read(int fd, void *buffer, size_t length) {
    for (;;) {
        ssize_t count = read(fd, buffer, length);
        if (count >= 0) return count;
        if (errno != EINTR) return -errno;
    }
}

ptrdiff_t cgate_write(int fd, const void *buffer, size_t length) {
    for (;;) {
        ssize_t count = write(fd, buffer, length);
        if (count >= 0) return count;
        if (errno != EINTR) return -errno;
    }
}

ptrdiff_t cgate_send(int fd, const void *buffer, size_t length) {
    for (;;) {
        ssize_t count = send(fd, buffer, length, MSG_NOSIGNAL);
        if (count >= 0) return count;
        if (errno != EINTR) return -errno;
    }
}

_Static_assert(sizeof(struct cgate_piece) == sizeof(struct iovec), "a piece is an iovec");
_Static_assert(
    offsetof(struct cgate_piece, length) == offsetof(struct iovec, iov_len), "a piece is an iovec");

ptrdiff_t cgate_write_pieces(int fd, int is_socket, const struct cgate_piece *pieces, int count) {
    struct iovec vector[64];
    if (count > 64) count = 64;
    memcpy(vector, pieces, (size_t)count * sizeof vector[0]);
    for (;;) {
        ssize_t written;
        if (is_socket) {
            struct msghdr message = {.msg_iov = vector, .msg_iovlen = (size_t)count};
            written = sendmsg(fd, &message, MSG_NOSIGNAL);
        } else {
            written = writev(fd, vector, count);
        }
        if (written >= 0) return written;
        if (errno != EINTR) return -errno;
    }
}

// Addresses.

static uint64_t load64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int index = 0; index < 8; index++) value = value << 8 | bytes[index];
    return value;
}

static void store64(uint8_t *bytes, uint64_t value) {
    for (int index = 7; index >= 0; index--, value >>= 8) bytes[index] = (uint8_t)value;
}

static socklen_t encode(const struct cgate_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    if (address->family == CGATE_IPV4) {
        struct sockaddr_in *v4 = (void *)storage;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        v4->sin_addr.s_addr = htonl((uint32_t)address->low);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (void *)storage;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    store64(v6->sin6_addr.s6_addr, address->high);
    store64(v6->sin6_addr.s6_addr + 8, address->low);
    return sizeof *v6;
}

static void decode(const struct sockaddr_storage *storage, struct cgate_address *address) {
    memset(address, 0, sizeof *address);
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)storage;
        address->family = CGATE_IPV4;
        address->port = ntohs(v4->sin_port);
        address->low = ntohl(v4->sin_addr.s_addr);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)storage;
        address->family = CGATE_IPV6;
        address->port = ntohs(v6->sin6_port);
        address->high = load64(v6->sin6_addr.s6_addr);
        address->low = load64(v6->sin6_addr.s6_addr + 8);
    } else {
        address->family = CGATE_UNIX;
    }
}

static int encode_unix(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(path);
    // An empty path would be an autobind into the abstract namespace, which has no permissions.
    if (length == 0) return -EINVAL;
    if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length);
    return 0;
}

static int fail_closing(int fd) {
    int code = errno;
    close(fd);
    return -code;
}

int cgate_listen_ip(const struct cgate_address *address, int backlog) {
    int family = address->family == CGATE_IPV4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return fail_closing(fd);
    // Accepted sockets inherit this one (tcp(7) does not say so; Linux copies the whole tcp_sock).
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) return fail_closing(fd);
    if (family == AF_INET6
        && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return fail_closing(fd);
    struct sockaddr_storage storage;
    socklen_t length = encode(address, &storage);
    if (bind(fd, (void *)&storage, length) < 0) return fail_closing(fd);
    if (listen(fd, backlog) < 0) return fail_closing(fd);
    return fd;
}

int cgate_listen_unix(const char *path, int backlog) {
    struct sockaddr_un address;
    int status = encode_unix(path, &address);
    if (status < 0) return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    // bind gives the file the mode of the socket's own inode, so there is no moment with another.
    if (fchmod(fd, 0600) < 0) return fail_closing(fd);
    if (bind(fd, (void *)&address, sizeof address) < 0) return fail_closing(fd);
    if (listen(fd, backlog) < 0) return fail_closing(fd);
    return fd;
}

int cgate_accept(int fd, struct cgate_address *peer) {
    struct sockaddr_storage storage = {0};
    for (;;) {
        socklen_t length = sizeof storage;
        int accepted = accept4(fd, (void *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            decode(&storage, peer);
            return accepted;
        }
        // A connection that died in the queue is no failure of the listener (accept(2)).
        if (errno != EINTR && errno != ECONNABORTED) return -errno;
    }
}

static int start_connecting(int fd, const void *address, socklen_t length, int *is_pending) {
    *is_pending = 0;
    if (connect(fd, address, length) == 0) return fd;
    if (errno == EINPROGRESS || errno == EINTR) {
        *is_pending = 1;
        return fd;
    }
    return fail_closing(fd);
}

int cgate_connect_ip(const struct cgate_address *address, int *is_pending) {
    int family = address->family == CGATE_IPV4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) return fail_closing(fd);
    struct sockaddr_storage storage;
    socklen_t length = encode(address, &storage);
    return start_connecting(fd, &storage, length, is_pending);
}

int cgate_connect_unix(const char *path, int *is_pending) {
    struct sockaddr_un address;
    int status = encode_unix(path, &address);
    if (status < 0) return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    return start_connecting(fd, &address, sizeof address, is_pending);
}

int cgate_socket_error(int fd) {
    int code = 0;
    socklen_t length = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0) return -errno;
    return -code;
}

ptrdiff_t cgate_receive_datagram(
    int fd, void *buffer, size_t length, struct cgate_address *peer) {
    struct sockaddr_storage storage = {0};
    for (;;) {
        socklen_t size = sizeof storage;
        ssize_t count = recvfrom(fd, buffer, length, 0, (void *)&storage, &size);
        if (count >= 0) {
            decode(&storage, peer);
            return count;
        }
        if (errno != EINTR) return -errno;
    }
}

ptrdiff_t cgate_send_datagram(
    int fd, const void *buffer, size_t length, const struct cgate_address *peer) {
    struct sockaddr_storage storage;
    socklen_t size = encode(peer, &storage);
    for (;;) {
        ssize_t count = sendto(fd, buffer, length, MSG_NOSIGNAL, (void *)&storage, size);
        if (count >= 0) return count;
        if (errno != EINTR) return -errno;
    }
}

int cgate_local_address(int fd, struct cgate_address *address) {
    struct sockaddr_storage storage = {0};
    socklen_t length = sizeof storage;
    if (getsockname(fd, (void *)&storage, &length) < 0) return -errno;
    decode(&storage, address);
    return 0;
}

int cgate_remote_address(int fd, struct cgate_address *address) {
    struct sockaddr_storage storage = {0};
    socklen_t length = sizeof storage;
    if (getpeername(fd, (void *)&storage, &length) < 0) return -errno;
    decode(&storage, address);
    return 0;
}

void cgate_send_at_once(int fd) {
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int cgate_is_listening(int fd) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value != 0;
}

int cgate_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int cgate_shutdown_write(int fd) {
    return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

int cgate_resolve(const char *name, struct cgate_address *addresses, int capacity) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(name, NULL, &hints, &found);
    // EAI_ codes are negative themselves.
    if (status != 0) return status == EAI_SYSTEM ? -errno : status - 1000;
    int count = 0;
    for (struct addrinfo *each = found; each && count < capacity; each = each->ai_next) {
        struct sockaddr_storage storage = {0};
        if (each->ai_addrlen > sizeof storage) continue;
        memcpy(&storage, each->ai_addr, each->ai_addrlen);
        if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) continue;
        decode(&storage, &addresses[count]);
        count += 1;
    }
    freeaddrinfo(found);
    return count;
}

const char *cgate_resolve_text(int code) {
    return gai_strerror(code);
}

// Descriptors over sockets.

enum { most_descriptors = 16 };

ptrdiff_t cgate_send_descriptors(
    int fd, const void *bytes, size_t length, const int *descriptors, int count) {
    if (count < 0 || count > most_descriptors) return -EINVAL;
    union {
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
        struct cmsghdr header;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, (size_t)count * sizeof(int));
    }
    for (;;) {
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent >= 0) return sent;
        if (errno != EINTR) return -errno;
    }
}

ptrdiff_t cgate_receive_descriptors(
    int fd, void *bytes, size_t length, int *descriptors, int *count) {
    int room = *count;
    *count = 0;
    if (room < 0 || room > most_descriptors) return -EINVAL;
    union {
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec vector = {.iov_base = bytes, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t received;
    do {
        received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    int has_overflow = (message.msg_flags & MSG_CTRUNC) != 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    for (; header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < found; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof descriptor);
            if (*count < room) {
                descriptors[(*count)++] = descriptor;
            } else {
                close(descriptor);
                has_overflow = 1;
            }
        }
    }
    if (!has_overflow) return received;
    while (*count > 0) close(descriptors[--*count]);
    return -EMSGSIZE;
}
