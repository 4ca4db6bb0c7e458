import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';

/** How an origin behaves towards its health check. */
export type Behaviour = 'healthy' | 'degraded' | 'failing' | 'hanging';

/** A small HTTP server on a loopback address that can die, lie, and come back. */
export class Origin {
  readonly address: string;
  readonly port: number;
  behaviour: Behaviour = 'healthy';
  #server: Server | undefined;

  constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
  }

  /** Listens; throws when the port is taken. */
  async start(): Promise<void> {
    const server = createServer((_request, response) => this.#answer(response));
    server.listen(this.port, this.address);
    await once(server, 'listening');
    this.#server = server;
  }

  /** Closes its socket and all connections, as a process that dies does. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  #answer(response: ServerResponse): void {
    if (this.behaviour === 'hanging') return;
    response.statusCode = this.behaviour === 'failing' ? 500 : 200;
    response.setHeader('content-type', 'application/json');
    response.setHeader('connection', 'close');
    response.end(JSON.stringify({ status: this.behaviour === 'degraded' ? 'degraded' : 'ok' }));
  }
}
