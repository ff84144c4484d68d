import { socketOf } from '../../src/cli/endpoint';

test.each([
  ['unix:///run/x.sock', '/run/x.sock'],
  ['unix:/run/x.sock', '/run/x.sock'],
  ['unix:///run/a%20b.sock', '/run/a b.sock'],
])('WE-21: %s is the socket at %s', (uri, path) => expect(socketOf(uri)).toBe(path));

const refused = (uri: string) => expect(() => socketOf(uri)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));

test.each(['http://x', 'blah', '', '/run/x.sock', 'unix', 'UNIX:///run/x.sock\n'])('WE-20: %j is refused', refused);

test.each([
  'unix://',
  'unix:///',
  'unix:run/x.sock',
  'unix://host/x.sock',
  'unix://u@/x.sock',
  'unix:///x?y',
  'unix:///x#y',
  'unix:////x',
  'unix:///a%00b',
  'unix:///%zz',
])('WE-21: %s is refused', refused);

// The node attests what connects to a unix socket, so the command line speaks no other; every malformed address is refused with the rest.
test.each([
  'tcp://127.0.0.1:8000',
  'tcp://127.0.0.1',
  'tcp://localhost:8000',
  'tcp://127.0.0.1:8000/',
  'tcp://127.0.0.1:8000?q',
  'tcp://u:p@127.0.0.1:1',
  'tcp:127.0.0.1:1',
  'tcp://127.0.0.1:0',
  'tcp://127.0.0.1:65536',
])('WE-22: %s is refused', refused);
