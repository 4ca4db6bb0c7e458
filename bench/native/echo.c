/*
 * The floor for a UDP server on this kernel: receives batches, sets the QR bit, sends them back.
 *   echo [PORT] → prints its port on 127.0.0.1; several may share one
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT_BYTES = 1344 };

static unsigned char slots[BATCH][SLOT_BYTES];
static struct sockaddr_in peers[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

int main(int argc, char **argv) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int buffer_bytes = 4 << 20, yes = 1;
  struct sockaddr_in name = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t name_bytes = sizeof name;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0 ||
      bind(fd, (struct sockaddr *)&name, sizeof name) != 0 ||
      getsockname(fd, (struct sockaddr *)&name, &name_bytes) != 0) {
    perror("echo");
    return 1;
  }
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  printf("%d\n", ntohs(name.sin_port));
  fflush(stdout);
  for (;;) {
    for (int at = 0; at < BATCH; at += 1) {
      parts[at] = (struct iovec){.iov_base = slots[at], .iov_len = SLOT_BYTES};
      messages[at].msg_hdr = (struct msghdr){.msg_name = &peers[at],
                                             .msg_namelen = sizeof peers[at],
                                             .msg_iov = &parts[at],
                                             .msg_iovlen = 1};
    }
    const int received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int at = 0; at < received; at += 1) {
      slots[at][2] |= 0x80;
      parts[at].iov_len = messages[at].msg_len;
    }
    for (int sent = 0; sent < received;) {
      const int count = sendmmsg(fd, messages + sent, (unsigned)(received - sent), 0);
      sent += count > 0 ? count : 1;
    }
  }
}
