/** The icon of our pages: a globe with its meridian; where browsers ask for one by themselves. */
export const icon = {
  path: '/favicon.ico',
  type: 'image/svg+xml',
  content:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#1b6ca8" stroke-width="2.5">' +
    '<circle cx="16" cy="16" r="13"/><ellipse cx="16" cy="16" rx="6" ry="13"/><path d="M3 16h26"/></svg>',
} as const;
