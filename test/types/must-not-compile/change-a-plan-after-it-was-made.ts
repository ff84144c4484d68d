// TS2540: Cannot assign to 'spiffeId' because it is a read-only property
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

issuance.plan(given.x509Plan).plan.spiffeId = 'spiffe://example.org/other';
