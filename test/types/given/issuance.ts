import type { CredentialRow, LineageEntry } from '../../../src/domain/lineage';
import type { JwtPlan, SelfCheck, Signer, X509Plan } from '../../../src/domain/issuance';

/** What every way through an issuance has at hand. Types only: nothing here runs. */
export declare const x509Plan: X509Plan;
export declare const jwtPlan: JwtPlan;
export declare const x509Signer: Signer<X509Plan>;
export declare const jwtSigner: Signer<JwtPlan>;
export declare const x509Check: SelfCheck<X509Plan>;
export declare const jwtCheck: SelfCheck<JwtPlan>;
export declare const entry: LineageEntry & { readonly fact: { readonly credential: CredentialRow } };
export declare const refusal: LineageEntry & { readonly fact: { readonly event: never } };
export declare const append: (entry: LineageEntry) => Promise<void>;
