import { checkRelationship, endpointUrlFault } from '../../src/domain/federation';
import { firstPollMs, pollDelayMs, pollIntervalSeconds } from '../../src/domain/poll-schedule';

describe('FD-02: the URL of an endpoint', () => {
  test.each([
    'https://b.example',
    'https://b.example/',
    'https://b.example:8443/bundle?x=1',
    'https://127.0.0.1/b',
    'https://[::1]:8443/',
    'https://b.example/?mail=a@b',
  ])('%s', (url) => expect(endpointUrlFault(url)).toBeUndefined());
  test.each([
    'http://b.example/',
    'HTTPS://b.example/',
    'https:b.example',
    'https:///b',
    'https://',
    'https://u@b.example/',
    'https://u:p@b.example/',
    'https://@b.example/',
    'https://b.example\\@c.example/',
    'https://b.example/#f',
    'https://b.example:99999/',
    'https://b example/',
    'https://b.example/\n',
    'https://bücher.example/',
    'file:///etc/passwd',
    `https://b.example/${'x'.repeat(2048)}`,
    '',
  ])('not %j', (url) => expect(endpointUrlFault(url)).toEqual(expect.any(String)));
});

test('FD-20: every part of a relationship is said', () => {
  const web = { trustDomain: 'b.example', url: 'https://b.example', profile: 'https_web', endpointId: null, webCa: null } as const;
  expect(() => checkRelationship(web, 'a.example')).not.toThrow();
  expect(() => checkRelationship(web, 'b.example')).toThrow('cannot be had like this');
});

describe('when a partner is asked', () => {
  test('FD-28: by its hint, 300 seconds without one, within a minute and a day', () => {
    expect([undefined, 1, 59, 60, 300, 86_400, 86_401, 1e9].map(pollIntervalSeconds)).toEqual([
      300, 60, 60, 60, 300, 86_400, 86_400, 86_400,
    ]);
  });

  test('FD-29: after a failure at the next interval, then later each time, to an hour or the interval', () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((failures) => pollDelayMs(300, failures, 0) / 1000)).toEqual([300, 300, 600, 1200, 2400, 3600, 3600]);
    expect([1, 2, 50].map((failures) => pollDelayMs(7200, failures, 0) / 1000)).toEqual([7200, 7200, 7200]);
  });

  test('up to a tenth sooner', () => {
    expect([pollDelayMs(300, 0, 1), pollDelayMs(300, 0, 0.5), firstPollMs(0), firstPollMs(1)]).toEqual([270_000, 285_000, 0, 5000]);
  });
});
