/* See xdp_packet.h. All that is read here may have been made by an attacker. */
#include "xdp_packet.h"

#include <netinet/in.h>
#include <string.h>

enum { HOP_LIMIT = 64 };

static uint32_t read16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }

static void write16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

bool packet_read(const uint8_t *frame, uint32_t bytes, struct packet *packet) {
  const uint8_t *ip = frame + ETHERNET_BYTES;
  uint32_t ip_bytes;
  if (bytes < ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES) return false;
  if (ip[0] == 0x45) {
    ip_bytes = read16(ip + 2);
    *packet = (struct packet){
        .family = 4, .address_bytes = 4, .source = ip + 12, .udp_at = ETHERNET_BYTES + IPV4_BYTES};
  } else {
    if (ip[0] >> 4 != 6 || bytes < ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES) return false;
    ip_bytes = IPV6_BYTES + read16(ip + 4);
    *packet = (struct packet){
        .family = 6, .address_bytes = 16, .source = ip + 8, .udp_at = ETHERNET_BYTES + IPV6_BYTES};
  }
  const uint32_t udp_bytes = read16(frame + packet->udp_at + 4);
  packet->payload_bytes = udp_bytes - UDP_BYTES;
  return ETHERNET_BYTES + ip_bytes <= bytes && udp_bytes >= UDP_BYTES &&
         packet->udp_at + udp_bytes <= ETHERNET_BYTES + ip_bytes;
}

bool packet_has_sender(const uint8_t *frame, const struct packet *packet) {
  const uint8_t *source = packet->source;
  static const uint8_t zeros[12];
  if (read16(frame + packet->udp_at) == 0) return false;
  if (memcmp(source, source + packet->address_bytes, packet->address_bytes) == 0) return false;
  if (packet->family == 4) return source[0] != 0 && source[0] != 127 && source[0] < 224;
  /* Multicast; unspecified, loopback and IPv4-compatible; IPv4-mapped. */
  return source[0] != 0xff && memcmp(source, zeros, 12) != 0 &&
         !(memcmp(source, zeros, 10) == 0 && source[10] == 0xff && source[11] == 0xff);
}

uint16_t packet_source_port(const uint8_t *frame, const struct packet *packet) {
  return (uint16_t)read16(frame + packet->udp_at);
}

/* Adds octets as 16-bit words of the internet checksum (RFC 1071), in the machine's order. */
static uint64_t add_octets(uint64_t sum, const uint8_t *octets, size_t count) {
  uint32_t word;
  for (; count >= sizeof word; octets += sizeof word, count -= sizeof word) {
    memcpy(&word, octets, sizeof word);
    sum += word;
  }
  word = 0;
  memcpy(&word, octets, count);
  return sum + word;
}

static uint16_t fold(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

/* Swaps two runs of octets, at most 16 long. */
static void swap(uint8_t *a, uint8_t *b, size_t bytes) {
  uint8_t kept[16];
  memcpy(kept, a, bytes);
  memcpy(a, b, bytes);
  memcpy(b, kept, bytes);
}

uint32_t packet_turn_round(uint8_t *frame, const struct packet *packet, uint32_t payload_bytes,
                           uint16_t id) {
  uint8_t *ip = frame + ETHERNET_BYTES, *udp = frame + packet->udp_at;
  const uint32_t addresses_at = packet->family == 4 ? ETHERNET_BYTES + 12 : ETHERNET_BYTES + 8;
  const uint32_t udp_bytes = UDP_BYTES + payload_bytes;
  uint8_t *addresses = frame + addresses_at;
  swap(frame, frame + 6, 6);
  swap(addresses, addresses + packet->address_bytes, packet->address_bytes);
  swap(udp, udp + 2, 2);
  write16(udp + 4, udp_bytes);
  write16(udp + 6, 0);
  if (packet->family == 4) {
    memset(ip, 0, 12);
    ip[0] = 0x45;
    write16(ip + 2, IPV4_BYTES + udp_bytes);
    write16(ip + 4, id);
    ip[8] = HOP_LIMIT;
    ip[9] = IPPROTO_UDP;
    const uint16_t sum = fold(add_octets(0, ip, IPV4_BYTES));
    memcpy(ip + 10, &sum, 2);
  } else {
    memset(ip, 0, 8);
    ip[0] = 0x60;
    write16(ip + 4, udp_bytes);
    ip[6] = IPPROTO_UDP;
    ip[7] = HOP_LIMIT;
  }
  /* With the pseudo header (RFC 768, RFC 8200 §8.1); 0 would mean that there is no checksum. */
  uint64_t sum = add_octets(0, addresses, 2 * packet->address_bytes);
  sum += (uint64_t)htons(IPPROTO_UDP) + htons((uint16_t)udp_bytes);
  uint16_t check = fold(add_octets(sum, udp, udp_bytes));
  if (check == 0) check = 0xffff;
  memcpy(udp + 6, &check, 2);
  return packet->udp_at + udp_bytes;
}
