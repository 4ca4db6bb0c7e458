import { createServer, type Server, type ServerResponse } from 'node:http';
import { errorText } from '../base/errors.ts';

/** One small web server that stands for a region. */
export interface DemoOrigin {
  readonly region: string;
  /** A loopback address of its own, so that health checks reach just this one. */
  readonly address: string;
}

export interface DemoOrigins {
  /** Frees every port. */
  close(): Promise<void>;
}

/**
 * Starts one HTTP origin per region and a switchboard on `control`:port.
 *
 *   GET  http://127.0.1.3:18080/health        {"status":"pass","region":"eu-west"}
 *   GET  http://127.0.0.1:18080/              which origins run
 *   POST http://127.0.0.1:18080/stop/eu-west  closes its socket: connections are refused from then on
 *   POST http://127.0.0.1:18080/start/eu-west opens it again
 *
 * Rejects when an address cannot be bound.
 */
export async function startDemoOrigins(
  origins: readonly DemoOrigin[],
  port: number,
  control = '127.0.0.1',
): Promise<DemoOrigins> {
  const running = new Map<string, Promise<Server>>();
  const start = async (origin: DemoOrigin) => {
    const { region, address } = origin;
    const server = running.get(region) ?? listen(originServer(origin), port, address);
    running.set(region, server);
    try {
      await server;
    } catch (error) {
      if (running.get(region) === server) running.delete(region);
      throw error;
    }
  };
  const stop = async (region: string) => {
    const server = await running.get(region)?.catch(() => undefined);
    running.delete(region);
    if (server !== undefined) await closeServer(server);
  };
  const closeAll = async () => {
    await Promise.all([...running.keys()].map(stop));
  };

  const switchboard = createServer((request, response) => {
    const [, action, region] = (request.url ?? '').split('/');
    const origin = origins.find((one) => one.region === region);
    const list = () => origins.map((one) => ({ ...one, port, running: running.has(one.region) }));
    const done = () => sendJson(response, 200, { origins: list() });
    if (request.method === 'GET') done();
    else if (request.method !== 'POST' || origin === undefined || !actions.has(action ?? '')) {
      const remedy = 'POST /stop/REGION or /start/REGION';
      sendJson(response, 404, { error: remedy, origins: list() });
    } else {
      const act = action === 'start' ? start(origin) : stop(origin.region);
      act.then(done, (error) => sendJson(response, 500, { error: errorText(error) }));
    }
  });

  try {
    for (const origin of origins) await start(origin);
    await listen(switchboard, port, control);
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    async close() {
      await Promise.all([closeAll(), closeServer(switchboard)]);
    },
  };
}

const actions: ReadonlySet<string> = new Set(['start', 'stop']);

function originServer(origin: DemoOrigin): Server {
  return createServer((request, response) => {
    const body = { status: 'pass', region: origin.region, address: origin.address };
    if (request.url === '/health') sendJson(response, 200, body);
    else sendJson(response, 200, { ...body, path: request.url });
  });
}

function listen(server: Server, port: number, address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
