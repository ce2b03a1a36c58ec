// The network of a cage with a way out: a namespace of its own in which every address is its own
// ("AnyIP"), so that a program which connects to any host reaches a socket the gateway holds. Nothing
// in it leads anywhere else.
//
// Made by gatehouse-stage, before it becomes the server's user and before bubblewrap: the namespace
// belongs to users the server is none of, so the server has no rights over it.
#pragma once

#include "control.h"

#include <linux/in6.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>

enum {
    FAMILY_INET = 2,
    FAMILY_INET6 = 10,
    FAMILY_NETLINK = 16,
    LOOPBACK = 1, // the first interface of every namespace
    UP = 1,       // IFF_UP
    NAME_PORT = 53,
    PROXY_PORT = 3128,
    PORT_LIMIT = 64,
};

// Sends one request to the kernel's routing and waits for its answer; 0 or a negative errno.
static long ask_kernel(long link, struct nlmsghdr *request)
{
    struct sockaddr_nl kernel = {.nl_family = FAMILY_NETLINK};
    long count = CALL(sendto, link, request, request->nlmsg_len, 0, &kernel, sizeof kernel);
    if (count < 0)
        return count;
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[1024];
    } answer;
    count = CALL(recvfrom, link, &answer, sizeof answer, 0, 0, 0);
    if (count < 0)
        return count;
    if (count < (long)(sizeof answer.header + sizeof answer.error.error) ||
        answer.header.nlmsg_type != NLMSG_ERROR)
        return -EBADMSG;
    return answer.error.error;
}

// `ip link set lo up`
static long raise_loopback(long link)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg body;
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_NEWLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.body.ifi_index = LOOPBACK;
    request.body.ifi_flags = UP;
    request.body.ifi_change = UP;
    return ask_kernel(link, &request.header);
}

// `ip route add local 0.0.0.0/0 dev lo`, or `::/0`
static long own_every_address(long link, unsigned char family)
{
    struct {
        struct nlmsghdr header;
        struct rtmsg body;
        struct rtattr device;
        __u32 index;
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_NEWROUTE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    request.body.rtm_family = family;
    request.body.rtm_table = RT_TABLE_LOCAL;
    request.body.rtm_protocol = RTPROT_BOOT;
    request.body.rtm_scope = RT_SCOPE_HOST;
    request.body.rtm_type = RTN_LOCAL;
    request.device.rta_len = sizeof request.device + sizeof request.index;
    request.device.rta_type = RTA_OIF;
    request.index = LOOPBACK;
    return ask_kernel(link, &request.header);
}

// A listener on every address, of both versions where the kernel has both.
static long listen_everywhere(__u16 port)
{
    struct sockaddr_in6 address; // all zero but its first eight bytes it is a sockaddr_in as well
    memset(&address, 0, sizeof address);
    address.sin6_family = FAMILY_INET6;
    address.sin6_port = (__be16)__builtin_bswap16(port);
    long number = CALL(socket, FAMILY_INET6, 1 | 02000000 /* SOCK_STREAM, CLOEXEC */, 0, 0, 0, 0);
    if (number >= 0) {
        int off = 0;
        CALL(setsockopt, number, 41 /* IPPROTO_IPV6 */, 26 /* IPV6_V6ONLY */, &off, sizeof off, 0);
    } else {
        address.sin6_family = FAMILY_INET;
        number = CALL(socket, FAMILY_INET, 1 | 02000000, 0, 0, 0, 0);
    }
    if (number < 0)
        return number;
    unsigned long count = address.sin6_family == FAMILY_INET6 ? sizeof address : 16;
    long result = CALL(bind, number, &address, count, 0, 0, 0);
    if (result == 0)
        result = CALL(listen, number, 128, 0, 0, 0, 0);
    if (result == 0)
        return number;
    CALL(close, number, 0, 0, 0, 0, 0);
    return result;
}

static long give(long listener, __u16 port, enum listener kind)
{
    return listener < 0 ? listener : hand_over(listener, port, kind);
}

// Makes the namespace and gives its sockets to the gateway, the proxy's first; says at `step` what
// failed.
static long make_network(const __u16 *ports, int count, const char **step)
{
    *step = "unshare network";
    long result = CALL(unshare, CLONE_NEWNET, 0, 0, 0, 0, 0);
    if (result < 0)
        return result;
    *step = "open netlink";
    long link = CALL(socket, FAMILY_NETLINK, 3 | 02000000 /* SOCK_RAW, CLOEXEC */, NETLINK_ROUTE, 0, 0, 0);
    if (link < 0)
        return link;
    *step = "raise loopback";
    result = raise_loopback(link);
    if (result < 0)
        return result;
    *step = "route to loopback";
    result = own_every_address(link, FAMILY_INET);
    if (result < 0)
        return result;
    // Without it addresses of version 6 lead nowhere, which is no less closed.
    (void)own_every_address(link, FAMILY_INET6);
    CALL(close, link, 0, 0, 0, 0, 0);
    *step = "listen in the cage";
    result = give(listen_on_loopback(PROXY_PORT, 1), PROXY_PORT, LISTENER_PROXY);
    if (result == 0)
        result = give(listen_on_loopback(NAME_PORT, 1), NAME_PORT, LISTENER_NAME_STREAMS);
    if (result == 0)
        result = give(listen_on_loopback(NAME_PORT, 0), NAME_PORT, LISTENER_NAME_DATAGRAMS);
    for (int index = 0; index < count && result == 0; index++)
        result = give(listen_everywhere(ports[index]), ports[index], LISTENER_CAPTURED);
    return result;
}
