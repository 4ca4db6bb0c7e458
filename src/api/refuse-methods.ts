import { MeridianError } from '../base/errors.ts';
import type { ApiInstance } from './api-context.ts';

const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Makes every path that has routes answer the methods which it does not have with `E_METHOD` and
 * `Allow` (RFC 9110 §15.5.6), instead of as unknown. Call before the routes of an instance are
 * registered; call what it returns after them.
 */
export function refuseMethods(app: ApiInstance, prefix: string): () => void {
  const byUrl = new Map<string, Set<string>>();
  let isOpen = true;
  app.addHook('onRoute', ({ url, method }) => {
    if (!isOpen) return;
    const methods = byUrl.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    byUrl.set(url, methods);
  });
  return () => {
    isOpen = false;
    for (const [url, methods] of byUrl) {
      const possible = [...methods].sort();
      const allow = possible.join(', ');
      app.route({
        method: known.filter((method) => !methods.has(method)),
        url: url.slice(prefix.length),
        schema: { hide: true },
        // Before the body is read: whatever it is, it does not matter.
        onRequest: async (request, reply) => {
          reply.header('allow', allow);
          throw new MeridianError({
            code: 'E_METHOD',
            message: `${request.method} is not possible here; use ${possible.join(' or ')}`,
          });
        },
        handler: () => {},
      });
    }
  };
}
