// Calls a service by its X509-SVID, or with a third argument by a JWT-SVID for that audience, and prints the answer.
//   mandate run --name caller -- node dist/examples/services/typescript/call.js https://localhost:8443 spiffe://TRUST-DOMAIN/sample/service
import { request } from 'node:https';
import { allow, httpsAgent, openWorkloadSource } from 'mandate/verify';

async function call(url: string, service: string, audience?: string): Promise<void> {
  const source = await openWorkloadSource();
  const agent = httpsAgent({ source, server: allow({ id: service }) });
  const headers = audience === undefined ? {} : { authorization: `Bearer ${await source.jwtSvid(audience)}` };
  request(url, { agent, headers }, (answer) => answer.on('end', () => source.close()).pipe(process.stdout))
    .on('error', (error) => {
      console.error(`refused: ${error.message}`);
      process.exitCode = 1;
      source.close();
    })
    .end();
}

void call(process.argv[2] ?? '', process.argv[3] ?? '', process.argv[4]);
