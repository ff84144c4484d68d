//! The Rust judge: rust-spiffe, unchanged, as any Rust service would use it. See ../README.md for what its lines mean.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use serde_json::{json, Map, Value};
use sha2::{Digest, Sha256};
use spiffe::{
    JwtBundleSet, JwtSvid, WorkloadApiClient, WorkloadApiError, X509BundleSet, X509Source, X509Svid,
};
use tokio::io::AsyncBufReadExt;
use x509_parser::prelude::{FromDer, X509Certificate};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn say(line: Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("standard output");
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("fetch") => fetch(&arguments[1..]).await,
        Some("watch") => watch().await,
        Some("judge") if arguments.len() == 2 => judge(&arguments[1]).await,
        _ => Err("usage: client fetch AUDIENCE OTHER OTHER | watch | judge AUDIENCE < token".into()),
    };
    if let Err(error) = outcome {
        let code = error.downcast_ref::<WorkloadApiError>().map_or("Unknown".to_owned(), code_of);
        say(json!({"event": "failed", "code": code, "text": error.to_string()}));
        std::process::exit(1);
    }
}

/// Makes each one-shot call once and checks what came back with the library's own verifiers.
async fn fetch(audiences: &[String]) -> Fallible<()> {
    let client = WorkloadApiClient::connect_env().await?;
    let svids: Vec<Arc<X509Svid>> = client.fetch_all_x509_svids().await?.into_iter().map(Arc::new).collect();
    let x509_bundles = client.fetch_x509_bundles().await?;
    for svid in &svids {
        signed_by_bundle(svid, &x509_bundles)?;
    }
    let jwt_bundles = client.fetch_jwt_bundles().await?;
    say(json!({
        "event": "fetched",
        "svids": described(&svids)?,
        "x509Bundles": x509_counts(&x509_bundles),
        "jwtBundles": jwt_keys(&jwt_bundles),
    }));
    let one = client.fetch_jwt_svid(&audiences[..1], None).await?;
    let three = client.fetch_all_jwt_svids(audiences, None).await?;
    let validated = client.validate_jwt_token(&audiences[0], one.token()).await?;
    let offline = JwtSvid::parse_and_validate(three[0].token(), &jwt_bundles, &audiences[2..])?;
    let wrong_audience = match client.validate_jwt_token("somebody-else", one.token()).await {
        Ok(_) => "OK".to_owned(),
        Err(error) => code_of(&error),
    };
    say(json!({
        "event": "tokens",
        "one": {"id": one.spiffe_id().to_string(), "audience": one.audience()},
        "three": {"id": three[0].spiffe_id().to_string(), "audience": three[0].audience(), "count": three.len()},
        "validated": validated.spiffe_id().to_string(),
        "offline": offline.spiffe_id().to_string(),
        "wrongAudience": wrong_audience,
    }));
    Ok(())
}

/// Has the token on standard input checked by the node, and by the library with the bundles that the node gives.
async fn judge(audience: &str) -> Fallible<()> {
    let token = tokio::io::BufReader::new(tokio::io::stdin()).lines().next_line().await?.ok_or("no token")?;
    let client = WorkloadApiClient::connect_env().await?;
    let validated = client.validate_jwt_token(audience, &token).await?;
    let jwt_bundles = client.fetch_jwt_bundles().await?;
    let offline = JwtSvid::parse_and_validate(&token, &jwt_bundles, &[audience])?;
    say(json!({
        "event": "judged",
        "x509Bundles": x509_counts(&client.fetch_x509_bundles().await?),
        "jwtBundles": jwt_keys(&jwt_bundles),
        "validated": validated.spiffe_id().to_string(),
        "offline": offline.spiffe_id().to_string(),
    }));
    Ok(())
}

/// Reports every update for as long as it lives; each line on standard input makes it fetch once more.
async fn watch() -> Fallible<()> {
    tokio::spawn(answer_lines());
    // Each connection the source makes is reported: one for its first synchronisation, one for its stream, more only when it reconnects.
    let source = X509Source::builder()
        .client_factory(Arc::new(|| {
            Box::pin(async {
                let client = WorkloadApiClient::connect_env().await?;
                say(json!({"event": "connected"}));
                Ok(client)
            })
        }))
        .build()
        .await?;
    let mut updates = source.updated();
    loop {
        let context = source.x509_context()?;
        for svid in context.svids() {
            signed_by_bundle(svid, context.bundle_set())?;
        }
        say(json!({
            "event": "x509",
            "svids": described(context.svids())?,
            "x509Bundles": x509_counts(context.bundle_set()),
        }));
        updates.changed().await?;
    }
}

async fn answer_lines() {
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = lines.next_line().await {
        match fetch_svids().await {
            Ok(svids) => say(json!({"event": "granted", "svids": svids})),
            Err(error) => {
                let code = error.downcast_ref::<WorkloadApiError>().map_or("Unknown".to_owned(), code_of);
                say(json!({"event": "refused", "code": code, "text": error.to_string()}));
            }
        }
    }
}

async fn fetch_svids() -> Fallible<Vec<Value>> {
    let client = WorkloadApiClient::connect_env().await?;
    let svids: Vec<Arc<X509Svid>> = client.fetch_all_x509_svids().await?.into_iter().map(Arc::new).collect();
    described(&svids)
}

/// The gRPC status name; the library turns two of them into variants of its own.
fn code_of(error: &WorkloadApiError) -> String {
    match error {
        WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_) => "PermissionDenied".to_owned(),
        other if other.is_invalid_argument() => "InvalidArgument".to_owned(),
        other => format!("{other:?}").chars().take(200).collect(),
    }
}

fn described(svids: &[Arc<X509Svid>]) -> Fallible<Vec<Value>> {
    svids.iter().map(|svid| {
        let (_, leaf) = X509Certificate::from_der(svid.leaf().as_bytes())?;
        let serial: String = leaf.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = p256::SecretKey::from_pkcs8_der(svid.private_key().as_bytes())?;
        let public = secret.public_key().to_public_key_der()?;
        let key: String = Sha256::digest(public.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let unpadded = serial.trim_start_matches("00");
        Ok(json!({
            "id": svid.spiffe_id().to_string(),
            "serial": format!("{unpadded:0>32}"),
            "key": key,
            "issuer": leaf.issuer().to_string(),
        }))
    }).collect()
}

/// The library verifies no chains; the leaf's signature is checked against the authorities it parsed.
fn signed_by_bundle(svid: &X509Svid, bundles: &X509BundleSet) -> Fallible<()> {
    let bundle = bundles.get(svid.spiffe_id().trust_domain()).ok_or("no bundle of the trust domain")?;
    let (_, leaf) = X509Certificate::from_der(svid.leaf().as_bytes())?;
    for authority in bundle.authorities() {
        let (_, authority) = X509Certificate::from_der(authority.as_bytes())?;
        if authority.subject() == leaf.issuer() {
            leaf.verify_signature(Some(authority.public_key()))?;
            return Ok(());
        }
    }
    Err("no authority of the bundle has issued the leaf".into())
}

fn x509_counts(bundles: &X509BundleSet) -> Map<String, Value> {
    bundles.iter().map(|(domain, bundle)| (format!("spiffe://{domain}"), json!(bundle.authorities().len()))).collect()
}

fn jwt_keys(bundles: &JwtBundleSet) -> Map<String, Value> {
    bundles.iter().map(|(domain, bundle)| (format!("spiffe://{domain}"), json!(bundle.jwt_authorities().count()))).collect()
}
