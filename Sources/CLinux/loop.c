#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clinux.h"

uint64_t cgate_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t cgate_realtime(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int cgate_eventfd(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cgate_eventfd_add(int fd) {
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0) {
        if (errno == EINTR) continue;
        // Full means that a wake-up is pending, which is all that was wanted.
        return errno == EAGAIN ? 0 : -errno;
    }
    return 0;
}

// Readiness in System repeats these bits.
_Static_assert(EPOLLIN == 1 && EPOLLOUT == 4 && EPOLLERR == 8 && EPOLLHUP == 16, "epoll bits");
_Static_assert(EPOLLRDHUP == 0x2000 && EPOLLET == 1u << 31, "epoll bits");

int cgate_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int cgate_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
    return control(epoll, EPOLL_CTL_ADD, fd, events, data);
}

int cgate_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, data);
}

int cgate_epoll_remove(int epoll, int fd) {
    return control(epoll, EPOLL_CTL_DEL, fd, 0, 0);
}

int cgate_epoll_wait(int epoll, struct cgate_event *events, int capacity, int milliseconds) {
    struct epoll_event kernel[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, kernel, capacity, milliseconds);
    // A process that was stopped looks again before it goes on: what came meanwhile came in time.
    if (count < 0 && errno == EINTR) count = epoll_wait(epoll, kernel, capacity, 0);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        events[index].data = kernel[index].data.u64;
        events[index].events = kernel[index].events;
    }
    return count;
}

size_t cgate_error_text(int code, char *text, size_t capacity) {
    if (capacity == 0) return 0;
    // The GNU form, which may return static text instead of filling the buffer.
    char buffer[128];
    const char *found = strerror_r(code, buffer, sizeof buffer);
    size_t length = strlen(found);
    if (length >= capacity) length = capacity - 1;
    memcpy(text, found, length);
    text[length] = 0;
    return length;
}

const char *cgate_error_name(int code) {
    return strerrorname_np(code);
}
