import { LookupName } from '../image/zone-name.ts';

/**
 * What one request asks, as integers. One per thread, overwritten by every query; what stands
 * behind the question is gone once the answer is written over it, so it is read into here first.
 */
export class Query {
  /** QNAME in lower case. While a CNAME chain is followed: the name looked up now. */
  readonly name = new LookupName();
  /** The second word of the header: opcode and flags as they came. */
  headerFlags = 0;
  /** Length of header and question, or 12 where the question could not be read. */
  questionEnd = 12;
  type = 0;
  class = 0;

  /** True once an OPT record was found. */
  hasEdns = false;
  /** Requestor's UDP payload size (RFC 6891 §6.2.3), in octets. */
  udpPayloadBytes = 0;
  /** DO (RFC 3225). */
  dnssecOk = false;
  nsidAsked = false;
  keepaliveAsked = false;
  /** Offset of the cookie from the start of the message, and its octets (RFC 7873); 0 without one. */
  cookieAt = 0;
  cookieBytes = 0;
  /** True when its server cookie is one of ours for this client. */
  hasValidCookie = false;

  /** True when the query carries a client subnet that may be used (RFC 7871). */
  hasSubnet = false;
  /** 0, 1 (IPv4) or 2 (IPv6). */
  subnetFamily = 0;
  sourcePrefixLength = 0;
  /** The subnet's address, four big-endian words, zeros behind the prefix. */
  readonly subnetWords = new Int32Array(4);

  /** Forgets the query before. */
  reset(): void {
    this.headerFlags = 0;
    this.questionEnd = 12;
    this.type = 0;
    this.class = 0;
    this.hasEdns = false;
    this.udpPayloadBytes = 0;
    this.dnssecOk = false;
    this.nsidAsked = false;
    this.keepaliveAsked = false;
    this.cookieAt = 0;
    this.cookieBytes = 0;
    this.hasValidCookie = false;
    this.hasSubnet = false;
    this.subnetFamily = 0;
    this.sourcePrefixLength = 0;
  }
}
