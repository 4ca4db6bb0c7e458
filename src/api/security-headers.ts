/** Every answer: not framed, not sniffed, not leaked by Referer, not readable by other sites. */
export const commonHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** For answers that are data: nothing in them may load or run. */
export const dataContentPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox";

/**
 * For the pages under /docs: their own scripts, styles and requests, nobody else's. Swagger UI sets
 * style attributes (`style-src-attr`) and has its icons in data URLs; scripts are files only.
 */
export const docsContentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // The hash is of the one style element that Swagger UI's bundle adds itself.
  "style-src-elem 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Text made safe for HTML, between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
