// Answers one agent and refuses every other: on port 8443 by its X509-SVID, on port 8444 by its JWT-SVID.
//   mandate run --name service -- node dist/examples/services/typescript/service.js spiffe://TRUST-DOMAIN/sample/caller
import type { RequestListener } from 'node:http';
import { allow, httpsServer, jwtMiddleware, openWorkloadSource, peerOf } from 'mandate/verify';

async function serve(agent: string, port = 8443): Promise<void> {
  const source = await openWorkloadSource();
  const clients = allow({ id: agent });
  const onRefused = (why: Error) => console.log(`refused: ${why.message}`);
  const hello: RequestListener = (request, response) => void response.end(`hello ${peerOf(request).spiffeId}\n`);
  const token = jwtMiddleware({ source, clients, onRefused, audience: 'https://sample.example' });

  httpsServer({ source, clients, onRefused }, hello).listen(port, 'localhost', () => console.log('listening'));
  httpsServer({ source, clients: 'by-jwt' }, (request, response) => token(request, response, () => void hello(request, response))).listen(
    port + 1,
    'localhost',
  );
}

void serve(process.argv[2] ?? '', Number(process.argv[3] ?? 8443));
