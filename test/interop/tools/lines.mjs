// What the tools print, in the words of the other clients (README.md): a reader is made per process and given its lines.
const REFUSED = 'PermissionDenied';
const trouble = (text) => (text.includes(REFUSED) ? { event: 'refused', code: REFUSED, text } : { event: 'error', text });

/**
 * `spire-agent api watch`: a block for each update, and bare lines for errors. It prints no serial and no key, so the moments between
 * which an X509-SVID is valid stand for both.
 */
export function spireAgentLines() {
  let update;
  let blanks = 0;
  return (line) => {
    const begins = /^Received (\d+) svids? after/.exec(line);
    if (begins !== null) {
      update = { event: 'x509', svids: [], x509Bundles: {} };
      // One before each X509-SVID, and one at the end.
      blanks = Number(begins[1]) + 1;
    } else if (update === undefined) {
      return line === '' ? undefined : trouble(line);
    } else if (line === '') {
      blanks -= 1;
      if (blanks === 0) {
        const complete = update;
        update = undefined;
        return complete;
      }
    } else {
      take(update, line);
    }
    return undefined;
  };
}

function take({ svids, x509Bundles }, line) {
  const [name, value] = line.split(/:\t+/);
  if (name === 'SPIFFE ID') svids.push({ id: value, serial: '', key: '' });
  const svid = svids.at(-1);
  if (name.startsWith('SVID Valid')) {
    svid.serial += value;
    svid.key = svid.serial;
  }
  const authority = /^(?:\[(?<partner>.+)\] )?CA #(?<number>\d+) Valid After$/.exec(name)?.groups;
  if (authority !== undefined) {
    const domain = authority.partner === undefined ? svid.id.split('/').slice(0, 3).join('/') : `spiffe://${authority.partner}`;
    x509Bundles[domain] = Number(authority.number);
  }
}

/** spiffe-helper: its log, where only warnings and errors count, and the lines of the process it signals. */
export function spiffeHelperLines() {
  return (line) => {
    if (line.startsWith('{')) return JSON.parse(line);
    return /level=(warning|error|fatal)/.test(line) ? trouble(line) : undefined;
  };
}
