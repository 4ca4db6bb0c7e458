/* UDP over IP in Ethernet frames: reads a request's, and makes it its answer's. */
#ifndef MERIDIAN_XDP_PACKET_H
#define MERIDIAN_XDP_PACKET_H

#include <stdbool.h>
#include <stdint.h>

enum { ETHERNET_BYTES = 14, IPV4_BYTES = 20, IPV6_BYTES = 40, UDP_BYTES = 8 };

/* A UDP datagram inside a frame, all of it within the frame's octets. */
struct packet {
  uint16_t family;
  uint32_t address_bytes;
  const uint8_t *source; /* the address that was asked follows it */
  uint32_t udp_at;
  uint32_t payload_bytes;
};

/*
 * Finds the datagram in a frame of IPv4 without options or IPv6 without extension headers; false
 * when there is none, or the frame is shorter than it says.
 */
bool packet_read(const uint8_t *frame, uint32_t bytes, struct packet *packet);

/* Whether a sender can be one: what the kernel drops as martians never gets an answer. */
bool packet_has_sender(const uint8_t *frame, const struct packet *packet);

uint16_t packet_source_port(const uint8_t *frame, const struct packet *packet);

/*
 * Makes the frame of a request that of its answer, whose payload is there: back to where it came
 * from, with new headers and checksums. Returns the frame's length.
 */
uint32_t packet_turn_round(uint8_t *frame, const struct packet *packet, uint32_t payload_bytes,
                           uint16_t id);

#endif
