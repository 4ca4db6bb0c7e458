/* Chooses the interfaces, addresses and queues that a batch takes over by AF_XDP. */
#include "xdp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

/* Which socket of the batch serves an address of this machine, or -1. */
static int socket_for(const struct batch_options *options, int family, const uint8_t *octets) {
  static const uint8_t any[16];
  for (uint32_t at = 0; at < options->address_count; at += 1) {
    const struct batch_address *address = &options->addresses[at];
    const size_t bytes = address->family == 6 ? 16 : 4;
    const bool is_any = memcmp(address->octets, any, bytes) == 0;
    if (address->family == family && (is_any || memcmp(address->octets, octets, bytes) == 0)) {
      return (int)at;
    }
    if (family == 4 && address->family == 6 && is_any && !address->v6_only) return (int)at;
  }
  return -1;
}

/* Adds the host of an interface's address, when a socket serves it. */
static void add_host(struct batch *batch, const struct batch_options *options,
                     const struct sockaddr *address) {
  struct xdp *xdp = batch->xdp;
  struct xdp_host host;
  memset(&host, 0, sizeof host);
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    host.family = 4;
    memcpy(host.octets, &v4->sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) return;
    host.family = 6;
    memcpy(host.octets, &v6->sin6_addr, 16);
  } else {
    return;
  }
  const int socket = socket_for(options, host.family, host.octets);
  if (socket < 0 || xdp->host_count == XDP_MAX_HOSTS) return;
  host.port = htons(batch->sockets[socket].port);
  xdp->socket_of_host[xdp->host_count] = (uint16_t)socket;
  xdp->hosts[xdp->host_count++] = host;
}

/* Takes this thread's share of an interface's queues; false with errno and the name of the call. */
static bool take_queues(struct xdp *xdp, struct xdp_interface *interface, uint32_t shares,
                        const char **call) {
  const uint32_t most = (xdp_queues(interface) + shares - 1) / shares;
  for (uint32_t taken = 0; taken < most && xdp->socket_count < XDP_MAX_QUEUES; taken += 1) {
    const int queue = xdp_claim(interface);
    if (queue < 0) return true;
    struct xdp_socket *opened = &xdp->sockets[xdp->socket_count];
    memset(opened, 0, sizeof *opened);
    opened->interface = interface;
    opened->queue = (uint32_t)queue;
    if (!xdp_socket_open(opened, call)) {
      const int error = errno;
      xdp_socket_close(opened);
      xdp_unclaim(interface, (uint32_t)queue);
      errno = error;
      return false;
    }
    xdp->socket_count += 1;
  }
  return true;
}

/* Takes one interface with the addresses that it has; false with errno and the name of the call. */
static bool take_interface(struct batch *batch, const struct batch_options *options,
                           const struct ifaddrs *all, const struct ifaddrs *link,
                           const char **call) {
  struct xdp *xdp = batch->xdp;
  const uint32_t first = xdp->host_count;
  for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr != NULL && strcmp(at->ifa_name, link->ifa_name) == 0) {
      add_host(batch, options, at->ifa_addr);
    }
  }
  const uint32_t count = xdp->host_count - first;
  if (count == 0) return true;
  struct xdp_interface *interface =
      xdp_enter(if_nametoindex(link->ifa_name), xdp->hosts + first, count, call);
  if (interface == NULL) return errno == EALREADY; /* another server's in this process */
  const uint32_t sockets = xdp->socket_count;
  const bool is_taken = take_queues(xdp, interface, options->xdp_shares, call);
  if (xdp->socket_count > sockets && xdp->interface_count < XDP_MAX_INTERFACES) {
    xdp->interfaces[xdp->interface_count++] = interface;
  } else {
    const int error = errno;
    xdp_leave(interface);
    errno = error;
  }
  return is_taken;
}

static bool is_ethernet(const struct ifaddrs *link) {
  if (link->ifa_addr == NULL || link->ifa_addr->sa_family != AF_PACKET) return false;
  const struct sockaddr_ll *address = (const struct sockaddr_ll *)(const void *)link->ifa_addr;
  return address->sll_hatype == ARPHRD_ETHER && (link->ifa_flags & IFF_UP) != 0;
}

bool xdp_open(struct batch *batch, const struct batch_options *options,
              struct batch_failure *failure) {
  const uint32_t slots = batch->memory.slot_count;
  *failure = (struct batch_failure){
      .error = ENOMEM, .call = "xdp", .address = options->address_count};
  struct xdp *xdp = batch->xdp = calloc(1, sizeof *xdp);
  if (xdp == NULL) return false;
  xdp->socket_of = calloc(slots, sizeof *xdp->socket_of);
  xdp->frame_of = calloc(slots, sizeof *xdp->frame_of);
  xdp->frame_bytes_of = calloc(slots, sizeof *xdp->frame_bytes_of);
  if (xdp->socket_of == NULL || xdp->frame_of == NULL || xdp->frame_bytes_of == NULL) return false;
  struct ifaddrs *all;
  failure->call = "getifaddrs";
  if (getifaddrs(&all) != 0) {
    failure->error = errno;
    return false;
  }
  failure->error = 0;
  for (const struct ifaddrs *link = all; link != NULL; link = link->ifa_next) {
    const char *call = "";
    if (!is_ethernet(link) || take_interface(batch, options, all, link, &call)) continue;
    failure->error = errno;
    failure->call = call;
  }
  freeifaddrs(all);
  for (uint32_t at = 0; at < xdp->socket_count; at += 1) {
    batch->polled[batch->socket_count + 1 + at] =
        (struct pollfd){.fd = xdp->sockets[at].fd, .events = POLLIN};
  }
  /* An interface that can is enough: what comes by others goes to the sockets. */
  return failure->error == 0 || xdp->socket_count > 0;
}

void xdp_close(struct batch *batch) {
  struct xdp *xdp = batch->xdp;
  if (xdp == NULL) return;
  for (uint32_t at = 0; at < xdp->socket_count; at += 1) {
    xdp_socket_close(&xdp->sockets[at]);
    xdp_unclaim(xdp->sockets[at].interface, xdp->sockets[at].queue);
  }
  for (uint32_t at = 0; at < xdp->interface_count; at += 1) xdp_leave(xdp->interfaces[at]);
  free(xdp->socket_of);
  free(xdp->frame_of);
  free(xdp->frame_bytes_of);
  free(xdp);
  batch->xdp = NULL;
}
