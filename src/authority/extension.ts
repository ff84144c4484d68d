import { TAG, tlv } from '../domain/der';

const TRUE = Buffer.from('0101ff', 'hex');

/** One Extension in DER (RFC 5280 §4.1): identifier in hex (see EXTENSION), criticality, contents of extnValue. */
export const encodedExtension = (oid: string, critical: boolean, value: Buffer): Buffer =>
  tlv(TAG.sequence, tlv(TAG.oid, Buffer.from(oid, 'hex')), ...(critical ? [TRUE] : []), tlv(TAG.octetString, value));
