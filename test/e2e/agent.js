'use strict';
/**
 * A small agent for tests: opens the streams named on its command line and says what it receives, one JSON document a line. Further names
 * come in on standard input, one a line, and programs to start as JSON lists; the end of standard input ends it.
 */
const path = require('node:path');
const readline = require('node:readline');
const { spawn } = require('node:child_process');
const { X509Certificate } = require('node:crypto');
const { create, toJson } = require('@bufbuild/protobuf');
const { Client, Metadata, credentials } = require('@grpc/grpc-js');

const compiled = (name) => require(path.join(__dirname, '../../dist/src', name));
const { grpcService } = compiled('wire/grpc');
const { errorOfStatus, refusalOf } = compiled('wire/refusal');
const api = compiled('generated/proto/spiffe/workloadapi_pb');
const launch = compiled('generated/proto/mandate/v1/launch_pb');
const { RefusalSchema } = compiled('generated/proto/mandate/v1/refusal_pb');

const workload = grpcService(api.SpiffeWorkloadAPI);
const launching = grpcService(launch.LaunchAPI);
const client = new Client(process.env.SPIFFE_ENDPOINT_SOCKET, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
const header = new Metadata();
header.set('workload.spiffe.io', 'true');

const { performance } = require('node:perf_hooks');
const say = (event) => process.stdout.write(`${JSON.stringify({ at: performance.timeOrigin + performance.now(), ...event })}\n`);

/** Everything that a refusal says, empty fields too. */
const whole = (refusal) => toJson(RefusalSchema, refusal, { alwaysEmitImplicit: true });

function stream(name, method, schema, told, then) {
  const call = client.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, create(schema), header);
  let ended = false;
  const end = (code, message, refusal) => {
    if (!ended) say({ event: 'ended', stream: name, code, message, refusal });
    ended = true;
  };
  call.on('data', (answer) => {
    const event = { event: name, ...told(answer) };
    say(event);
    then?.(event);
  });
  call.on('error', (error) => end(error.code, error.details, whole(refusalOf(errorOfStatus(error)))));
  call.on('end', () => end(0, ''));
}

const standingOf = ({ identities, refusal }) => ({
  spiffeIds: identities.map(({ spiffeId }) => spiffeId),
  refusal: refusal && whole(refusal),
});

const OPEN = {
  // No stream: from here on no other process of its user may look into it.
  undumpable: () => compiled('system/harden').harden(),
  x509: () =>
    stream('x509', workload.fetchX509SVID, api.X509SVIDRequestSchema, ({ svids }) => ({
      svids: svids.map(({ spiffeId, x509Svid }) => ({
        spiffeId,
        serial: new X509Certificate(x509Svid).serialNumber.toLowerCase().padStart(32, '0'),
      })),
    })),
  standing: (then) => stream('standing', launching.awaitIdentity, launch.AwaitIdentityRequestSchema, standingOf, then),
  // Waits for an identity, then fetches it.
  wait: () => {
    let opened = false;
    OPEN.standing(({ spiffeIds }) => {
      if (spiffeIds.length > 0 && !opened) OPEN.x509();
      opened ||= spiffeIds.length > 0;
    });
  },
  jwt: () => {
    const { path: name, requestSerialize, responseDeserialize } = workload.fetchJWTSVID;
    const request = create(api.JWTSVIDRequestSchema, { audience: ['test'] });
    client.makeUnaryRequest(name, requestSerialize, responseDeserialize, request, header, (error, answer) => {
      if (error)
        say({ event: 'ended', stream: 'jwt', code: error.code, message: error.details, refusal: whole(refusalOf(errorOfStatus(error))) });
      else say({ event: 'jwt', svids: answer.svids.map(({ spiffeId }) => ({ spiffeId })) });
    });
  },
};

say({ event: 'started', pid: process.pid });
for (const name of process.argv.slice(2)) OPEN[name]();
readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (!line.startsWith('[')) return OPEN[line]();
    const [program, ...args] = JSON.parse(line);
    spawn(program, args, { stdio: 'ignore' }).on('exit', (code) => say({ event: 'ran', code }));
  })
  .on('close', () => process.exit(0));
