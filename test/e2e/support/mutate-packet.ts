import type { Random } from '../../../src/base/random.ts';

/** A packet of random octets, its flags random too but for QR, which `isResponse` decides. */
export function randomPacket(random: Random, isResponse: boolean): Buffer {
  const packet = Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
  return withResponseBit(packet, isResponse);
}

/** The packet with QR set or cleared, where it is long enough to have one. */
export function withResponseBit(packet: Buffer, isResponse: boolean): Buffer {
  if (packet.length > 2) packet[2] = ((packet[2] ?? 0) & 0x7f) | (isResponse ? 0x80 : 0);
  return packet;
}

/** Damages a good packet as lines, liars and attackers do: bits, lengths, counts, pointers, ends. */
export function mutatePacket(random: Random, good: Uint8Array): Buffer {
  let packet = Buffer.from(good);
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    const at = random.below(Math.max(1, packet.length));
    switch (random.below(8)) {
      case 0: // a bit
        packet[at] = (packet[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1: // an octet that means something in names and lengths
        packet[at] = [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff][random.below(7)] ?? 0;
        break;
      case 2: // cut short
        packet = packet.subarray(0, at);
        break;
      case 3: // octets left over
        packet = Buffer.concat([packet, Buffer.alloc(random.below(40), random.below(256))]);
        break;
      case 4: // a section count
        if (packet.length >= 12) packet.writeUInt16BE(random.below(4), 4 + 2 * random.below(4));
        break;
      case 5: // a compression pointer, to anywhere
        if (at + 2 <= packet.length) packet.writeUInt16BE(0xc000 | random.below(64), at);
        break;
      case 6: // a piece twice
        packet = Buffer.concat([packet.subarray(0, at), packet.subarray(random.below(at + 1))]);
        break;
      default: // another opcode and other flags
        if (packet.length > 3) packet.writeUInt16BE(random.below(0x8000), 2);
    }
  }
  return packet.subarray(0, 1400);
}
